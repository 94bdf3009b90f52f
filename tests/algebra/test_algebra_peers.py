"""Values among peers by hand: keys as tuples, a weight whose mean is 1, counts and extremes."""

import pytest
import torch

from creditlib import ContractError
from creditlib.algebra import conserved, divide, group_count, group_max, group_scale, relative

pytestmark = pytest.mark.usefixtures("backend")  # every backend there is

# Peers share both keys: rows 0 and 2 are (7, 1), row 1 is (7, 2), row 3 is (8, 1).
FIRST, SECOND = torch.tensor([7, 7, 7, 8]), torch.tensor([1, 2, 1, 1])
X = torch.tensor([1.0, 5.0, 4.0, 9.0], dtype=torch.float64)
EVERY = torch.ones(4, dtype=torch.bool)


def test_peers_share_every_key_by_hand():
    # (7, 1): the mean of 1 and 4 is 2.5
    assert relative(X, FIRST, SECOND).tolist() == [-1.5, 0, 1.5, 0]
    # group 7: the mean of 1, 5, 4 is 10/3
    assert relative(X, FIRST, center="leave_one_out").tolist() == [-3.5, 2.5, 1, 0]
    # no key: the median of 1, 4, 5, 9 is 4.5
    assert relative(X, center="median").tolist() == [-3.5, 0.5, -0.5, 4.5]


def test_counts_extremes_and_scales_by_hand():
    where = torch.tensor([True, True, False, True])
    assert group_count(FIRST, where=where).tolist() == [2, 2, 2, 1]
    assert group_max(X, FIRST, where=where).tolist() == [5, 5, 5, 9]
    # 1 and 5 around 3: the squares 4 and 4 over two values
    assert group_scale(X, FIRST, where=where, ddof=0).tolist() == [2, 2, 2, 0]


def test_a_conserved_weight_has_the_mean_one_by_hand():
    # group 7: 1, 5, 4 over 10/3; a cap of 1.2 means is 4: 1, 4, 4 over 3
    assert conserved(X, FIRST, where=EVERY).tolist() == pytest.approx([0.3, 1.5, 1.2, 1.0])
    assert conserved(X, FIRST, where=EVERY, cap=1.2).tolist() == pytest.approx(
        [1 / 3, 4 / 3, 4 / 3, 1]
    )
    assert conserved(X * 0, FIRST, where=EVERY).tolist() == [1, 1, 1, 1]


def test_a_unit_counts_as_often_as_told_by_hand():
    # group 7: (2·1 + 1·5 + 1·4) / 4 = 11/4; the weights then sum to 4 with their counts
    count = torch.tensor([2, 1, 1, 3])
    weight = conserved(X, FIRST, where=EVERY, count=count)
    assert weight.tolist() == pytest.approx([4 / 11, 20 / 11, 16 / 11, 1])
    # a cap of 1 mean is 11/4: 1, 11/4, 11/4 have the mean (2 + 11/2) / 4 = 15/8
    capped = conserved(X, FIRST, where=EVERY, count=count, cap=1.0)
    assert capped.tolist() == pytest.approx([8 / 15, 22 / 15, 22 / 15, 1])
    # a count of rows stands for their turns; a count of 0 gives 1, as a mean of 0 does
    turns = torch.tensor([[1.0, 3.0], [2.0, 2.0]])
    by_row = conserved(turns, where=torch.ones(2, 2, dtype=torch.bool), count=torch.tensor([1, 3]))
    assert by_row.flatten().tolist() == pytest.approx([0.5, 1.5, 1.0, 1.0])
    assert conserved(X, where=EVERY, count=torch.zeros(4)).tolist() == [1, 1, 1, 1]


def test_zeros_are_no_members_where_told_by_hand():
    x = torch.tensor([0.0, 1.0, 3.0, 0.0])
    # members 1 and 3 have the mean 2; the last group has no member
    assert conserved(x, FIRST, where=EVERY, among="nonzero").tolist() == [0, 0.5, 1.5, 0]
    # members of the mean 4/3: 0, 1, 3
    assert conserved(x, FIRST, where=EVERY).tolist() == pytest.approx([0, 0.75, 2.25, 1])
    nan = torch.where(EVERY.logical_not().index_fill(0, torch.tensor([1]), True), torch.nan, x)
    where = torch.tensor([True, False, True, True])
    assert conserved(nan, where=where, among="nonzero").tolist() == [0, 0, 1, 0]


def test_a_token_is_a_unit_too():
    x = torch.tensor([[1.0, 3.0, torch.nan], [6.0, torch.nan, torch.nan]])
    wrote = torch.tensor([[True, True, False], [True, False, False]])
    # over the batch the mean is 10/3; over a trajectory 2 and 6
    expected = [0.3, 0.9, 0, 1.8, 0, 0]
    assert conserved(x, where=wrote).flatten().tolist() == pytest.approx(expected)
    rows = torch.arange(2)
    assert conserved(x, rows, where=wrote).tolist() == [[0.5, 1.5, 0], [1, 0, 0]]
    packed = conserved(x[wrote], rows.repeat_interleave(wrote.sum(1)), where=wrote[wrote])
    assert packed.tolist() == [0.5, 1.5, 1]


def test_another_word_for_the_members_is_refused():
    with pytest.raises(ContractError, match="conserved: `among` must be one of 'taken', 'nonzero'"):
        conserved(X, where=EVERY, among="all")


def test_another_word_is_refused_by_every_backend(refusal):
    """A word that a backend does not know must not count as the default."""
    wrong = {"center": "men", "scale": "sdt", "eps_at": "flor", "lone": "rwa"}
    near = {"center": "mean", "scale": "std", "eps_at": "floor", "lone": "raw"}
    for option, word in wrong.items():
        sentence = refusal(relative, X, FIRST, **{option: word})
        assert sentence.startswith(f"relative: `{option}` must be one of ")
        assert sentence.endswith(f"got '{word}' (did you mean '{near[option]}'?).")
    assert "`scale` must be one of" in refusal(group_scale, X, FIRST, where=EVERY, scale="men")
    assert "`eps_at` must be one of" in refusal(divide, X, X, eps=0.0, eps_at="flor")


@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_values_of_two_axes_need_no_selection(backend):
    """Columns 1, 0 and 3, 5 are compared apart: ±1/2 and ±1."""
    x, group, column = torch.tensor([[1.0, 3], [0, 5]]), torch.tensor([7, 7]), torch.arange(2)
    found = relative(x, group, column[None], backend=backend)
    assert found.tolist() == [[0.5, -1.0], [-0.5, 1.0]]
