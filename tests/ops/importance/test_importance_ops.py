"""Ratios of probabilities in every backend against the reference, padded and packed."""

import pytest
import torch
from helpers import F64, assert_same, implementation, turn_map

from creditlib import ContractError
from creditlib.inputs import layouts
from creditlib.ops.importance import reference
from creditlib.testing import assert_close

SHAPES = [(0, 0, 0), (0, 2, 3), (3, 0, 4), (1, 1, 1), (7, 3, 7), (2, 5, 129)]
BOUNDS = [(0.0, torch.inf, False), (0.5, 2.0, False), (0.5, 2.0, True)]


def draws(seed, rows, turns, tokens, dtype=F64):
    draw = torch.Generator().manual_seed(seed)
    turn = turn_map(rows, turns, tokens, draw)
    new, old = (-3 * torch.rand(rows, tokens, generator=draw, dtype=F64) for _ in range(2))
    return [torch.where(turn >= 0, x, torch.nan).to(dtype) for x in (new, old)], turn


def packed(x, turn, length):
    flat, offsets = layouts.pack(turn, length)
    return [layouts.pack(each, length)[0] for each in x], flat, offsets


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, F64])
@pytest.mark.parametrize("kind", [torch.int8, torch.int64])
def test_ratios_are_those_of_the_reference(backend, shape, dtype, kind):
    ratios = implementation(reference.token_ratios, backend)
    x, turn = draws(1, *shape, dtype)
    length = torch.arange(shape[0]) % (shape[2] + 1)
    flat, ids, offsets = packed(x, turn, length)
    for bounds in BOUNDS:
        expected = reference.token_ratios(*x, turn, *bounds)
        found = ratios(*x, turn.to(kind), *bounds)
        assert found.dtype == expected.dtype
        assert_close(found, expected)
        parts = ratios(*flat, ids.to(kind), *bounds, offsets=offsets)
        assert_same(parts, layouts.pack(found, length)[0])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, F64])
def test_sums_are_those_of_the_reference(backend, shape, dtype):
    sums = implementation(reference.log_ratio_sums, backend)
    x, turn = draws(2, *shape, dtype)
    expected = reference.log_ratio_sums(*x, turn, shape[1], False)
    assert_close(sums(*x, turn, shape[1], False), expected)
    whole = expected.sum(2, keepdim=True)
    assert_close(sums(*x, turn, 1, True), whole)
    length = torch.full((shape[0],), shape[2])
    flat, ids, offsets = packed(x, turn, length)
    assert_close(sums(*flat, ids, shape[1], False, offsets=offsets), expected)
    assert_close(sums(*flat, ids, 1, True, offsets=offsets), whole)


def test_the_largest_logarithms(backend):
    """exp of ±20 and of what lies near 0, to the digits of float64; NaN is not hidden."""
    ratios = implementation(reference.token_ratios, backend)
    x = torch.tensor([[20.0, -20.0, 1e-9, -1e-9, 0.0, 700.0, -700.0, 1.0]], dtype=F64)
    turn = torch.zeros(1, 8, dtype=torch.int64)
    found = ratios(x, torch.zeros_like(x), turn, 0.0, torch.inf, False)
    wanted = x.clamp(-20, 20).exp()
    assert ((found - wanted).abs() <= 1e-12 * wanted).all()
    assert found[0, 4] == 1.0
    bad = ratios(torch.full((1, 2), torch.nan), torch.zeros(1, 2), turn[:, :2], 0.0, 2.0, False)
    assert bad.isnan().all()


def test_ids_that_go_back_are_refused(backend):
    turn = torch.tensor([[1, 0]])
    x = torch.zeros(1, 2)
    for name, more in (("token_ratios", (0.0, 2.0, False)), ("log_ratio_sums", (2, True))):
        with pytest.raises(ContractError, match="never go back"):
            implementation(getattr(reference, name), backend)(x, x, turn, *more)
