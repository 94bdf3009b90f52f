"""GAE of two levels on every backend, against a loop and against the torch reference."""

import pytest
import torch
from helpers import F64, QUICK, assert_same, implementation, turn_map
from hypothesis import given
from hypothesis import strategies as st
from turn_value_loops import two_level_gae as loop

from creditlib.inputs import layouts
from creditlib.ops.two_level import reference
from creditlib.testing import assert_close

SHAPES = [(0, 0), (0, 4), (4, 0), (1, 1), (3, 7), (2, 64), (2, 129)]
RATES = {"gamma": 0.9, "lam": 0.8, "turn_gamma": 0.7, "turn_lam": 0.6}


def rows(seed, shape):
    draw = torch.Generator().manual_seed(seed)
    return {
        "reward": torch.randint(-4, 5, shape, generator=draw).to(F64) / 2,
        "value": torch.randn(shape, generator=draw, dtype=F64),
        "turn": turn_map(*shape[:1], 4, *shape[1:], draw),
        "bootstrap": torch.randn(shape[:1], generator=draw, dtype=F64),
    }


def expected(x, **options):
    given = {name: tensor.tolist() for name, tensor in x.items()}
    given["token_reward"] = given.pop("reward")
    found = loop(given, {**RATES, "restart": False, **options})
    return [torch.tensor(part, dtype=F64).reshape(x["turn"].shape) for part in found]


def check(run, shape, seed, restart):
    x = rows(seed, shape)
    for found, wanted in zip(
        run(**x, **RATES, restart=restart), expected(x, restart=restart), strict=True
    ):
        assert_close(found, wanted)


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("quick", QUICK)
@given(seed=st.integers(0, 10**6))
def test_against_a_loop(quick, shape, seed, restart):
    check(implementation(reference.two_level_gae, quick), shape, seed, restart)


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_backend(backend, shape, restart):
    check(implementation(reference.two_level_gae, backend), shape, 1, restart)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_of_less_precision(backend, dtype):
    x = rows(2, (3, 129))
    small = {name: t.to(dtype) if t.is_floating_point() else t for name, t in x.items()}
    wide = {name: t.to(F64) if t.is_floating_point() else t for name, t in small.items()}
    found = implementation(reference.two_level_gae, backend)(**small, **RATES)
    for part, wanted in zip(found, expected(wide), strict=True):
        assert part.dtype == torch.float32
        assert_close(part, wanted)


def test_packed_rows_and_present_tokens(backend):
    run = implementation(reference.two_level_gae, backend)
    x = rows(5, (5, 33))
    length = torch.tensor([33, 0, 12, 1, 20])
    exists = torch.arange(33) < length[:, None]
    x["turn"] = torch.where(exists, x["turn"], -1)
    padded = run(**x, **RATES, present=exists)
    flat = {name: layouts.pack(x[name], length)[0] for name in ("reward", "value", "turn")}
    offsets = layouts.offsets_of(length)
    packed = run(**flat, **RATES, bootstrap=x["bootstrap"], offsets=offsets)
    for ours, theirs in zip(packed, padded, strict=True):
        assert_close(ours, layouts.pack(theirs, length)[0])


def test_results_go_into_out(backend):
    x, run = rows(7, (3, 40)), implementation(reference.two_level_gae, backend)
    out = torch.full((3, 40), 7.0, dtype=F64), torch.full((3, 40), 7.0, dtype=F64)
    found = run(**x, **RATES, out=out)
    for part, own, wanted in zip(found, out, run(**x, **RATES), strict=True):
        assert part is own
        assert_same(part, wanted)
