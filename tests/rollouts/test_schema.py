from pathlib import Path

import pytest

import creditlib as cl
from creditlib.rollouts import from_trajectories
from creditlib.rollouts.schema import (
    NUMBERS,
    TRAJECTORY_KEYS,
    TURN_KEYS,
    keys_of_tensor,
    similar_key,
    source_of,
    unread_keys,
    unread_note,
)
from creditlib.rollouts.values import LARGEST, MOST, is_count
from creditlib.vocabulary.annotations import describe
from creditlib.vocabulary.words import ARGUMENTS

FULL = {
    "group": "a",
    "id": "x",
    "outcome": 1.0,
    "rewards": [1.0],
    "length": 1,
    "answer": "7",
    "turns": [
        {
            "observation": "a door",
            "action": "go",
            "text": "go",
            "tokens": [5],
            "token_count": 1,
            **dict.fromkeys(NUMBERS, 0.0),
        }
    ],
}


@pytest.mark.parametrize("key", NUMBERS)
def test_a_number_of_a_turn_has_the_range_of_the_tensor_it_fills(key):
    number = NUMBERS[key]
    low, high = describe(number.tensor, ARGUMENTS[number.tensor]).limits
    assert number.limits == (max(low, -LARGEST), min(high, LARGEST))


def test_a_log_probability_is_at_most_0_and_a_time_at_least_0():
    assert NUMBERS["gold_log_prob"].limits == (-LARGEST, 0)
    assert NUMBERS["seconds"].limits == (0, LARGEST)


@pytest.mark.parametrize(("tensor", "key"), [("turn_length", "token_count"), ("length", "length")])
def test_a_count_has_the_range_of_the_tensor_it_fills(tensor, key):
    low, high = describe(tensor, ARGUMENTS[tensor]).limits
    assert (low, key in TURN_KEYS | TRAJECTORY_KEYS) == (0, True)
    assert [is_count(value) for value in (low - 1, low)] == [False, True]
    assert high >= MOST


def test_every_key_is_known_and_every_tensor_has_a_source():
    found = from_trajectories([FULL])
    assert found.notes == ()
    assert FULL.keys() == TRAJECTORY_KEYS
    assert FULL["turns"][0].keys() == TURN_KEYS
    always = {"reward", "valid", "group", "turn_count"}
    for name in found.tensors.keys() - always:
        assert source_of(name), name
        without = TRAJECTORY_KEYS - set(keys_of_tensor(name))
        row = {key: FULL[key] for key in without}
        row["turns"] = [
            {key: FULL["turns"][0][key] for key in TURN_KEYS - set(keys_of_tensor(name))}
        ]
        # `turn_reward` is then made of the outcome
        assert (name in from_trajectories([row]).tensors) == (name == "turn_reward")


def test_every_key_stands_in_the_page():
    page = (Path(__file__).parents[2] / "docs" / "rollouts.md").read_text("utf-8")
    for key in TRAJECTORY_KEYS | TURN_KEYS:
        assert f"| `{key}`" in page, key


def test_sources_in_words():
    assert source_of("duration") == "the turns' `seconds`"
    assert source_of("rewards") == "the trajectories' `rewards`"
    assert source_of("baseline") == ""


def test_a_near_miss_is_a_key_that_is_not_known():
    assert similar_key("reward", {"rewards": 1, "rewrd": 2}, TURN_KEYS | {"rewards"}) == "rewrd"
    assert similar_key("reward", {"text": 1}, TURN_KEYS) == ""


def test_null_is_no_unread_key():
    rows = [{"a": None, "text": "x", 7: 1}, {"a": None}, {7: None, "b": 0}]
    assert unread_keys(rows, TURN_KEYS) == {7: 1, "b": 1}


def test_a_long_list_of_keys_is_cut():
    text = unread_note([("row", {f"x{i}": 2 for i in range(25)})], {})
    assert text.count("`") == 40
    assert text.endswith("`x19` (2 rows) and 5 more.")
    assert unread_note([("row", {})], {}) == ""


def test_actions_and_answers_of_a_file_reach_the_estimators():
    """One state; `go` succeeded and `wait` failed: +1/2 and -1/2. The answers 7 and 8 differ."""
    rows = [
        {
            "group": "a",
            "outcome": 1.0,
            "answer": "7",
            "turns": [{"observation": "x", "action": "go"}],
        },
        {
            "group": "a",
            "outcome": 0.0,
            "answer": "8",
            "turns": [{"observation": "x", "action": "wait"}],
        },
    ]
    tensors = from_trajectories(rows).tensors
    assert cl.apply("action_margin", tensors, prior=0.0).round(decimals=4).tolist() == [
        [0.5],
        [-0.5],
    ]
    assert cl.apply("agreement", tensors).tolist() == [0.5, 0.5]
