"""Where the minimum of a row lies, against loops and against the limits of temperature."""

import math

import pytest
import torch
from helpers import F64, assert_same
from hypothesis import given
from hypothesis import strategies as st

from creditlib.algebra import hard_min_weights, returns_to_go, running_min, softmin_weights
from creditlib.testing import assert_close

SHAPES = [(0, 0), (0, 3), (3, 0), (1, 1), (7, 7), (3, 64), (2, 129)]


def draws(seed, shape):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randint(-4, 5, shape, generator=draw).to(F64) / 4
    real = torch.arange(shape[1]) < (torch.arange(shape[0]) * 5 % (shape[1] + 1))[:, None]
    return torch.where(real, x, torch.nan), real


def by_row(rule, x, real):
    rows = []
    for row, mask in zip(x.tolist(), real.tolist(), strict=True):
        own = [v for v, m in zip(row, mask, strict=True) if m]
        rows.append(rule(own) + [0.0] * (len(row) - len(own)))
    return torch.tensor(rows, dtype=F64).reshape(x.shape)


def soft(own, temperature):
    power = [math.exp(-v / temperature) for v in own]
    return [p / sum(power) for p in power]


def test_softmin_by_hand():
    # exp(−0) = 1 and exp(−log 3) = 1/3: weights 3/4 and 1/4
    x = torch.tensor([[0.0, math.log(3), torch.nan]], dtype=F64)
    real = torch.tensor([[True, True, False]])
    assert_close(softmin_weights(x, real, 1.0), torch.tensor([[0.75, 0.25, 0]], dtype=F64))


def test_hard_min_and_running_min_by_hand():
    x = torch.tensor([[0.0, 2.0, 0.0, 1.0]])
    real = torch.ones(1, 4, dtype=torch.bool)
    assert hard_min_weights(x, real).tolist() == [[0.5, 0, 0.5, 0]]
    assert running_min(x, real).tolist() == [[0, 0, 0, 1]]


@pytest.mark.parametrize("shape", SHAPES)
@given(seed=st.integers(0, 10**6), temperature=st.sampled_from([0.05, 0.1, 1.0, 30.0]))
def test_against_loops(shape, seed, temperature):
    x, real = draws(seed, shape)
    assert_close(
        softmin_weights(x, real, temperature), by_row(lambda v: soft(v, temperature), x, real)
    )
    hard = by_row(lambda v: [(u == min(v)) / v.count(min(v)) for u in v], x, real)
    assert_same(hard_min_weights(x, real), hard)
    literal = by_row(lambda v: [min(v[k:]) for k in range(len(v))], x, real)
    assert_same(running_min(x, real), literal)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3, 1e30, 1e200])
def test_softmin_neither_overflows_nor_vanishes(scale):
    x = torch.tensor([[3.0, -1.0, 2.0]], dtype=F64) * scale
    weights = softmin_weights(x, torch.ones(1, 3, dtype=torch.bool), 0.1)
    assert_close(weights.sum(), torch.ones((), dtype=F64))
    assert weights.argmax() == 1


@given(seed=st.integers(0, 10**6), extra=st.integers(1, 70))
def test_padding_changes_no_bit(seed, extra):
    x = torch.rand(9, 41, generator=torch.Generator().manual_seed(seed), dtype=F64) / 4
    real = torch.arange(41) < torch.arange(1, 46, 5)[:, None]
    wider = torch.cat([x, torch.full((9, extra), 1e30, dtype=F64)], 1)
    exists = torch.nn.functional.pad(real, (0, extra))
    for rule in (lambda v, r: softmin_weights(v, r, 0.1), hard_min_weights, running_min):
        assert_same(rule(wider, exists)[:, :41].contiguous(), rule(x, real))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_half_precision_is_summed_in_single(dtype, backend):
    x = (torch.arange(24.0).reshape(4, 6) / 7).to(dtype)
    real = torch.arange(6) < torch.tensor([[6], [3], [0], [1]])
    discount = torch.full((4, 6), 0.5)
    for rule in (
        lambda v: returns_to_go(v, real, 0.9, backend=backend),
        lambda v: returns_to_go(v, real, discount, backend=backend),
        lambda v: softmin_weights(v, real, 0.1, backend=backend),
    ):
        assert_same(rule(x), rule(x.float()))
