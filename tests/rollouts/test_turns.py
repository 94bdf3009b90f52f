import math

import numpy as np
import pytest
import torch
from rollout_cases import equal, message, one

from creditlib.rollouts import from_trajectories


def turns(*found):
    return [one(turns=list(found))]


def test_turn_level_tensors_are_padded_at_the_end():
    found = from_trajectories(
        [
            one(turns=[{"reward": 0.5, "seconds": 2, "process_reward": -1.0}]),
            one(
                turns=[
                    {"reward": 0.0, "seconds": 1.0, "process_reward": 2.0},
                    {"reward": 1.0, "seconds": 3.0, "process_reward": 4.0},
                ]
            ),
            one(turns=[]),
        ]
    )
    equal(found.tensors["turn_count"], [1, 2, 0])
    equal(found.tensors["turn_reward"], [[0.5, 0.0], [0.0, 1.0], [0.0, 0.0]])
    equal(found.tensors["duration"], [[2.0, 0.0], [1.0, 3.0], [0.0, 0.0]])
    equal(found.tensors["process_reward"], [[-1.0, 0.0], [2.0, 4.0], [0.0, 0.0]])


def test_the_outcome_is_the_reward_of_the_last_turn_where_no_turn_has_one():
    found = from_trajectories([one(turns=[{}, {}]), one(outcome=None), one(outcome=3.0)])
    equal(found.tensors["turn_reward"], [[0.0, 1.0], [0.0, 0.0], [3.0, 0.0]])


def test_equal_observations_share_an_anchor_and_none_is_minus_one():
    found = from_trajectories(
        [
            one(turns=[{"observation": "door"}, {"observation": {"a": 1, "b": 2}}]),
            one(turns=[{"observation": {"b": 2, "a": 1}}, {}, {"observation": "door"}]),
            one(turns=[{"observation": '{"a": 1, "b": 2}'}]),
        ]
    )
    (door, thing, none), (thing_too, missing, door_too), (text, *_) = found.tensors[
        "anchor"
    ].tolist()
    assert door == door_too
    assert thing == thing_too
    assert len({door, thing, text}) == 3
    assert none == missing == -1
    assert min(door, thing, text) >= 0


def test_token_counts_from_numbers_lists_and_arrays():
    counted = from_trajectories(turns({"token_count": 3}, {"token_count": 0}))
    listed = from_trajectories(turns({"tokens": [5, 6, 7]}, {"tokens": np.zeros(0, dtype=int)}))
    for found in (counted, listed):
        equal(found.tensors["turn_length"], [[3, 0]])
        equal(found.tensors["length"], [3])


def test_information_gain_is_the_next_belief_minus_this_one():
    found = from_trajectories(
        turns({"gold_log_prob": -3.0}, {"gold_log_prob": -1.0}, {"gold_log_prob": -0.5})
    )
    belief = [math.exp(-3), math.exp(-1), math.exp(-0.5)]
    expected = torch.tensor([[belief[1] - belief[0], belief[2] - belief[1], 0.0]])
    torch.testing.assert_close(found.tensors["information_gain"], expected)
    equal(found.tensors["gold_log_prob"], [[-3.0, -1.0, -0.5]])


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        (7, "`turns` must be a list of objects, got 7"),
        ({"text": 7}, "`text` must be a text, got 7"),
        ({"reward": "x"}, "`reward` must be a finite number, true or false, got 'x'"),
        ({"seconds": -1}, "`seconds` must be a finite number, at least 0, got -1"),
        (
            {"process_reward": [1]},
            "`process_reward` must be a finite number, true or false, got [1]",
        ),
        ({"gold_log_prob": True}, "`gold_log_prob` must be a finite number, at most 0, got True"),
        ({"token_count": 1.5}, "`token_count` must be a whole number, at least 0, got 1.5"),
        (
            {"tokens": [1, 2], "token_count": 3},
            "`token_count` must be the length of `tokens`, 2, got 3",
        ),
    ],
)
def test_messages_for_a_turn(turn, expected):
    assert message(turns(turn)) == f"rollouts: {expected} in trajectory 1 turn 0."


@pytest.mark.parametrize(
    "key", ["reward", "seconds", "process_reward", "gold_log_prob", "token_count"]
)
def test_a_key_in_some_turns_only_is_refused_with_the_turn(key):
    rows = [one(turns=[{key: 0}]), one(turns=[{key: 0}, {key: 0}, {}])]
    assert message(rows) == (
        f"rollouts: `{key}` must be in every turn or in none, got none in trajectory 2 turn 2."
    )


def test_a_turn_that_has_a_near_miss_is_named_with_it():
    assert message(turns({"seconds": 1.0}, {"second": 2.0})) == (
        "rollouts: `seconds` must be in every turn or in none, got none in trajectory 1 turn 1; "
        "it has `second`."
    )


def test_nan_is_absent_and_a_flag_is_a_reward():
    nan = float("nan")
    found = from_trajectories(turns({"reward": True, "seconds": nan}, {"reward": 0.5}))
    equal(found.tensors["turn_reward"], [[1.0, 0.5]])
    assert "duration" not in found.tensors
    assert message(turns({"reward": nan}, {"reward": 0.5})) == (
        "rollouts: `reward` must be in every turn or in none, got nan in trajectory 1 turn 0."
    )


@pytest.mark.parametrize("value", [math.inf, 1e39, 10**400, "0.5"])
def test_a_number_of_a_turn_is_finite_and_no_text(value):
    assert "must be a finite number, at least 0, got" in message(turns({"seconds": value}))
