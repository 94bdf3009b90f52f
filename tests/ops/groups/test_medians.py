"""Medians and median deviations: compiled loops against the reference."""

import itertools

import pytest
import torch
from helpers import F64

from creditlib.ops import groups
from creditlib.testing import agree
from creditlib.vocabulary.backends import INSTALLED

needs_numba = pytest.mark.skipif(not INSTALLED["numba"], reason="numba is not installed")
CENTERS, SCALES = ("median", "median_low", "mean", None), ("mad", "mad_low", "std", None)


@needs_numba
@pytest.mark.parametrize(("center", "scale"), list(itertools.product(CENTERS, SCALES)))
def test_a_loop_against_the_reference(center, scale):
    options = itertools.product(("std", "floor"), (None, "zero", "raw"), (0.0, 0.5), (0.0, 0.25))
    for seed, (eps_at, lone, eps, variance_eps) in enumerate(options):
        draw = torch.Generator().manual_seed(seed)
        x = torch.randint(0, 4, (31,), generator=draw).to(F64) / 3
        group = torch.randint(0, 6, (31,), generator=draw)
        where = None if seed % 3 == 0 else torch.rand(31, generator=draw) < 0.7
        given = {"center": center, "scale": scale, "eps": eps, "eps_at": eps_at, "lone": lone}
        if seed % 2:
            given["otherwise"] = torch.full((31,), 7.0, dtype=F64)
        found, expected = (
            groups.relative(x, (group,), where, **given, variance_eps=variance_eps, backend=backend)
            for backend in ("numba", "torch")
        )
        assert agree(found, expected)


@pytest.mark.parametrize("low", [False, True])
def test_a_median_deviation_by_hand(backend, low):
    # 0, 1, 3, 7: the middle two are 1 and 3.  Median 2: gaps 2, 1, 1, 5, sorted 1, 1, 2, 5: 1.5.
    # Lower median 1: gaps 1, 0, 2, 6, sorted 0, 1, 2, 6, the lower of the middle two is 1.
    x, index = torch.tensor([0.0, 7.0, 1.0, 3.0, 9.0]), torch.zeros(5, dtype=torch.int64)
    where = torch.tensor([True, True, True, True, False])
    by = "mad_low" if low else "mad"
    found = groups.group_scale(x, index, where, scale=by, backend=backend)
    assert found.tolist() == [1.0 if low else 1.5] * 5
