import pytest

from creditlib.rollouts.pieces import PieceFacts, key_counts, merge_piece_facts, unread_of
from creditlib.vocabulary.messages import ContractError


def test_facts_of_pieces_add_up_in_order():
    one = PieceFacts(
        used={"group": ("task", "x line 1")},
        turns=2,
        rewards=frozenset({("a",)}),
        keys={"task": 2, "n": 0},
        counts={"traces": 3},
    )
    two = PieceFacts(
        used={"outcome": ("won", "x line 4"), "group": ("task", "x line 3")},
        turns=1,
        rewards=frozenset({("b",)}),
        keys={"n": 1, "task": 2},
        counts={"traces": 1},
    )
    found = merge_piece_facts([one, two])
    assert list(found.used.items()) == [
        ("group", ("task", "x line 1")),
        ("outcome", ("won", "x line 4")),
    ]
    assert (found.turns, found.rewards) == (3, {("a",), ("b",)})
    assert (found.keys, found.counts) == ({"task": 4, "n": 1}, {"traces": 4})
    assert merge_piece_facts([]) == PieceFacts()


def test_two_pieces_that_are_scored_by_two_keys_are_refused():
    pieces = [PieceFacts(used={"outcome": (key, f"x {key}")}) for key in ("reward", "score")]
    with pytest.raises(ContractError, match="got `reward` in x reward and `score` in x score;"):
        merge_piece_facts(pieces)


def test_keys_that_nobody_reads_are_counted_over_all_pieces():
    rows = [{"text": "go", "tool": None}, {"tool": 3, "txet": 1}]
    facts = merge_piece_facts([PieceFacts(keys=key_counts([row])) for row in rows])
    known = frozenset({"text"})
    assert unread_of(facts, known, known) == [
        "unknown keys are not read: `tool` (1 row), `txet` (1 row; did you mean `text`?)."
    ]
    assert unread_of(facts, frozenset(facts.keys)) == []
