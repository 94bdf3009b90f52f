"""Values among peers by hand: keys as tuples, a weight whose mean is 1, counts and extremes."""

import pytest
import torch

from creditlib.algebra import conserved, group_count, group_max, group_scale, relative

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
