import pytest
from credit_cases import plain

from creditlib.rollouts.crediting.row_classes import rewarded, row_tensors, sorted_out
from creditlib.vocabulary.messages import ContractError


def test_rows_of_equal_keys_are_a_class_and_a_bad_row_has_its_sentence():
    scored = {"group": "a", "outcome": 1.0, "turns": [{"reward": 1.0}]}
    rows = [plain("a", 0.5), plain("a", "x"), scored, plain("b", 0.0)]
    classes, broken = sorted_out(rows, [f"x line {number}" for number in range(4)])
    assert [(members, rewarded(found)) for members, found in classes] == [
        ([0, 3], False),
        ([2], True),
    ]
    assert list(broken) == [1]
    assert "got 'x' in x line 1" in broken[1]


def test_the_id_of_a_trajectory_is_a_text_or_an_integer():
    with pytest.raises(ContractError, match="`id` must be a text or an integer, got True"):
        row_tensors([plain("a", 1.0, id=True)], ["x line 1"])
