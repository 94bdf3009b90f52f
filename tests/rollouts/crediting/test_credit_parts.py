import itertools

import pytest

from creditlib.rollouts.crediting.parts import Facts, Lack, check_complete, merge_facts
from creditlib.rollouts.pieces import PieceFacts
from creditlib.vocabulary.messages import ContractError

FACTS = [
    Facts(has=frozenset({"duration"}), rows=2, trajectories=2, turns=5, sentences=("a",), bad=1),
    Facts(lacks={"duration": Lack(2, "x line 3")}, rows=3, nan=Lack(1, "x line 4"), excluded=1),
    Facts(lacks={"duration": Lack(1, "y line 1")}, names=frozenset({"group text"}), spread=True),
]


def test_facts_add_up_however_they_are_bracketed():
    whole = merge_facts(FACTS)
    assert merge_facts([merge_facts(FACTS[:2]), FACTS[2]]) == whole
    assert merge_facts([FACTS[0], merge_facts(FACTS[1:])]) == whole
    assert whole.lacks["duration"] == Lack(3, "x line 3")
    assert (whole.rows, whole.bad, whole.excluded, whole.spread) == (5, 1, 1, True)


def test_a_key_that_some_have_is_refused_with_the_first_place_that_lacks_it():
    for order in itertools.permutations(FACTS[:2]):
        with pytest.raises(ContractError, match="`seconds` must be in every turn or in none"):
            check_complete(merge_facts(order), skip_bad=False)
    assert check_complete(merge_facts(FACTS), skip_bad=True) == {"duration"}
    assert check_complete(FACTS[1], skip_bad=False) == frozenset()


def test_sentences_of_trajectories_and_of_objectives():
    facts = Facts(has=frozenset({"length"}), lacks={"length": Lack(1, "x line 3")})
    with pytest.raises(ContractError, match="in every trajectory or in none, got none in x line 3"):
        check_complete(facts, skip_bad=False)
    facts = Facts(has=frozenset({"rewards"}), lacks={"rewards": Lack(1, "x line 3")})
    with pytest.raises(ContractError, match="`rewards` must be a list of numbers, got None"):
        check_complete(facts, skip_bad=False)
    with pytest.raises(ContractError, match="got lists of 2 and of 3"):
        check_complete(Facts(objectives=frozenset({2, 3})), skip_bad=False)


def test_a_key_that_a_piece_lacks_is_left_out_for_all():
    """Seconds are in every turn of the first piece, and in some turns of the second."""
    whole = Facts(has=frozenset({"duration", "anchor"}), converted=PieceFacts(turns=2))
    partial = PieceFacts(turns=3, lacking={"seconds": 1}, rewards=frozenset({("a",), ("b",)}))
    facts = merge_facts([whole, Facts(lacks={"duration": Lack(2, "y")}, converted=partial)])
    assert facts.converted.turns == 5
    for skip_bad in (True, False):
        assert check_complete(facts, skip_bad) == {"anchor"}
