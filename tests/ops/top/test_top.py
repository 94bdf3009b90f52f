"""The highest tokens in every backend against the reference and against sorted lists."""

import math

import pytest
import torch
from helpers import F64, assert_same, implementation, turn_map

from creditlib import ContractError
from creditlib.inputs import layouts
from creditlib.ops.top import reference

SHAPES = [(0, 0, 0), (0, 2, 3), (3, 0, 4), (1, 1, 1), (7, 3, 7), (2, 5, 129), (2, 3, 1500)]
SHARES = (0.0, 0.01, 0.2, 0.5, 0.97, 1.0)


def listed(score, turn, fraction):
    """The mask of one row, by sorting."""
    written = [t for t, who in enumerate(turn) if who >= 0]
    best = sorted(written, key=lambda t: (-score[t], t))
    taken = set(best[: math.ceil(round(fraction * len(written), 9))])
    return [t in taken for t in range(len(turn))]


def draws(seed, rows, turns, tokens, dtype, values):
    draw = torch.Generator().manual_seed(seed)
    turn = turn_map(rows, turns, tokens, draw)
    score = torch.randn(rows, tokens, generator=draw, dtype=F64)
    if values == "ties":
        score = score.round()
    if values == "skewed":
        score = (8 * score).exp() * torch.where(score > 0, 1, -1)
    return torch.where(turn >= 0, score, torch.nan).to(dtype), turn


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, F64])
@pytest.mark.parametrize("values", ["any", "ties", "skewed"])
def test_masks_are_those_of_a_sorted_list(quick_backend, shape, dtype, values):
    top_mask = implementation(reference.top_mask, quick_backend)
    score, turn = draws(3, *shape, dtype, values)
    length = torch.full((shape[0],), shape[2])
    flat, offsets = layouts.pack(turn, length)
    for share in SHARES:
        rows = zip(score.tolist(), turn.tolist(), strict=True)
        wanted = torch.tensor([listed(*row, share) for row in rows], dtype=torch.bool)
        wanted = wanted.view(turn.shape)
        assert_same(top_mask(score, turn, share, False), wanted)
        assert_same(top_mask(score, turn.to(torch.int8), share, False), wanted)
        found = top_mask(score.reshape(-1), flat, share, False, offsets=offsets)
        assert_same(found, wanted.reshape(-1))
        whole = listed(score.reshape(-1).tolist(), turn.reshape(-1).tolist(), share)
        expected = torch.tensor(whole, dtype=torch.bool).view(turn.shape)
        assert_same(top_mask(score, turn, share, True), expected)


def test_a_sample_that_misleads_is_not_trusted(quick_backend):
    """Every key that the sample looks at is low, or high; the others are not."""
    top_mask = implementation(reference.top_mask, quick_backend)
    turn = torch.zeros(1, 2048, dtype=torch.int64)
    for sign in (1.0, -1.0):
        score = torch.rand(1, 2048, generator=torch.Generator().manual_seed(0))
        score[:, ::32] -= 9 * sign
        for share in (0.01, 0.3, 0.99):
            wanted = reference.top_mask(score, turn, share, False)
            assert_same(top_mask(score, turn, share, False), wanted)


def test_ids_that_go_back_are_refused(backend):
    with pytest.raises(ContractError, match="never go back"):
        implementation(reference.top_mask, backend)(
            torch.zeros(1, 2), torch.tensor([[1, 0]]), 0.5, False
        )
