import pytest
from credit_cases import plain

from creditlib.rollouts.crediting.parts import Lack
from creditlib.rollouts.crediting.row_scan import scan_rows
from creditlib.vocabulary.messages import ContractError

NEEDS = frozenset({"reward", "group", "turn_reward", "length", "rewards"})


def scanned(*rows, needs=NEEDS, skip_bad=False):
    places = [f"x line {number}" for number in range(1, len(rows) + 1)]
    return scan_rows(list(rows), places, range(len(rows)), needs, skip_bad, first=10)


def test_columns_hold_real_turns_only():
    turns = [{"reward": 0.5}, {"reward": True}]
    part = scanned({"group": "a", "outcome": 1, "turns": turns}, plain("b", None, turns=0))
    assert part.columns["turn_reward"].to_pylist() == [[0.5, 1.0], []]
    assert part.columns["turn_count"].to_pylist() == [2, 0]
    assert part.columns["index"].to_pylist() == [10, 11]
    assert part.columns["valid"].to_pylist() == [True, False]
    assert part.facts.has == {"turn_reward"}
    assert part.facts.excluded == 1


def test_what_a_part_has_and_lacks():
    part = scanned(plain("a", 1.0, turns=0), plain("a", 1.0), plain("a", None))
    assert part.facts.has == frozenset()
    assert part.facts.lacks == {
        "turn_reward": Lack(2, "x line 2"),  # one without turns lacks nothing
        "turn_length": Lack(2, "x line 2"),
        "length": Lack(3, "x line 1"),
        "rewards": Lack(2, "x line 1"),  # one without an outcome needs no list
    }


def test_bad_rows_are_left_out_and_keys_are_told_apart():
    good = {"group": "a", "outcome": 1.0, "turns": [{"reward": 1.0}]}
    part = scanned(plain("a", 0.5), plain("a", "x"), good, None, needs=frozenset({"turn_reward"}),
                   skip_bad=True)  # fmt: skip
    assert part.columns["index"].to_pylist() == [10, 12]
    assert part.columns["turn_reward"].to_pylist() == [None, [1.0]]
    assert part.labels["group"].to_pylist() == ["a", None, "a", None]
    assert (part.facts.bad, part.facts.rows, part.facts.trajectories) == (2, 4, 2)
    assert "got 'x' in x line 2" in part.facts.sentences[0]
    with pytest.raises(ContractError, match="x line 2"):
        scanned(plain("a", 0.5), plain("a", "x"))


def test_names_have_two_hashes_and_their_kinds():
    part = scanned(plain(7, 1.0, id="a"), plain("7", 1.0, id=3), needs=frozenset())
    group, check = part.columns["group"].to_pylist(), part.columns["check"].to_pylist()
    assert len({*group, *check}) == 4
    assert part.facts.names == {
        *("group integer", "group text", "trajectory integer", "trajectory text"),
    }
