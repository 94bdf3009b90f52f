from creditlib.rollouts.pieces import PieceFacts, merge_piece_facts
from creditlib.rollouts.whole_keys import (
    common_reward_notes,
    partial_tensors,
    whole_key_notes,
    with_whole_keys,
)

NOTHING = PieceFacts()
WORDS = {"tokens": "`ids`", "seconds": "`time`", "reward": "`r`"}


def test_a_key_of_some_turns_is_left_out_and_noted():
    rows = [{"turns": [{"tokens": [1], "seconds": 1.0}]}, {"turns": [{"seconds": None}, {}]}]
    facts = with_whole_keys(NOTHING, rows, list(WORDS))
    assert whole_key_notes(facts, WORDS) == [
        "tokens are left out: 2 of 3 turns have none from `ids`.",
        "seconds are left out: 2 of 3 turns have none from `time`.",
    ]
    assert rows == [{"turns": [{}]}, {"turns": [{}, {}]}]


def test_a_key_of_every_turn_stays_and_one_of_none_goes_silently():
    rows = [{"turns": [{"seconds": 0.0, "tokens": None}]}]
    facts = with_whole_keys(NOTHING, rows, ["seconds", "tokens"])
    assert whole_key_notes(facts, WORDS) == []
    assert rows == [{"turns": [{"seconds": 0.0}]}]
    assert whole_key_notes(with_whole_keys(NOTHING, [], ["seconds"]), WORDS) == []


def test_rewards_by_name_are_objectives_where_all_rows_have_the_same_names():
    rows = [
        {"outcome": 1.0, "rewards": {"a": 1.0, "b": 0.0}, "turns": []},
        {"outcome": None, "rewards": {}, "turns": []},
        {"outcome": 0.0, "rewards": {"a": 0.0, "b": None}, "turns": []},
    ]
    facts = with_whole_keys(NOTHING, rows, rewards=True)
    assert common_reward_notes(facts) == ["rewards = a, b."]
    assert [row.get("rewards") for row in rows] == [[1.0, 0.0], None, [0.0, None]]


def test_rewards_of_several_kinds_are_left_out():
    for other in ({"b": 1.0}, {}):
        rows = [
            {"outcome": 1.0, "rewards": {"a": 1.0}, "turns": []},
            {"outcome": 1.0, "rewards": other, "turns": []},
        ]
        facts = with_whole_keys(NOTHING, rows, rewards=True)
        assert common_reward_notes(facts) == []
        assert rows == [{"outcome": 1.0, "turns": []}, {"outcome": 1.0, "turns": []}]
        assert partial_tensors(facts) == {"rewards"}


def test_a_key_is_left_out_where_any_piece_lacks_it():
    """The second piece lacks seconds; tokens lie under two keys, of which one is whole."""
    first = PieceFacts(turns=2, lacking={"seconds": 0, "tokens": 0, "token_count": 0})
    other = PieceFacts(turns=1, lacking={"seconds": 1, "tokens": 1, "token_count": 0})
    assert partial_tensors(first) == frozenset()
    both = merge_piece_facts([first, other])
    assert partial_tensors(both) == {"duration"}
    assert whole_key_notes(both, WORDS) == [
        "tokens are left out: 1 of 3 turns has none from `ids`.",
        "seconds are left out: 1 of 3 turns has none from `time`.",
    ]
    last = PieceFacts(turns=1, lacking={"token_count": 1, "reward": 1})
    assert partial_tensors(merge_piece_facts([both, last])) == {
        *("duration", "turn_length", "length", "turn_reward")
    }
