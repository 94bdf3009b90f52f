"""Padding and tool output change no bit, whatever lies in them and wherever they are."""

import pytest
import torch
from helpers import TURNS, VARIANTS, arguments, assert_same, axes_of, results, span

from creditlib import gae
from creditlib.ops.returns import reference as returns

pytestmark = pytest.mark.usefixtures("quick_backend")

PADDED = [v for v in VARIANTS if any(axes_of(v, x)[1:] for x in arguments(v))]
# Their axes are not time.
PADDED = [
    v
    for v in PADDED
    if v.name not in ("gdpo", "partial_credit", "edge_credit", "match_reward")
    and v.name not in ("combine", "efficiency_bonus", "shapley")
]
TOKENS = [v for v in VARIANTS if "turn" in arguments(v)]
SEEDS = range(3)


def outside(variant, name, x):
    """Where a tensor holds nothing: past the last turn, or where it is not read."""
    tensor = x[name]
    if axes_of(variant, name)[1] == "turn":
        if "turn_count" in x:
            return torch.arange(tensor.shape[1]) >= x["turn_count"][:, None]
        counted = "weight" in x and x["weight"].shape == tensor.shape
        return x["weight"] == 0 if counted else torch.zeros_like(tensor, dtype=torch.bool)
    return ~span(x["turn"] >= 0) if name == "token_reward" else x["turn"] < 0


def filler(name, tensor, garbage):
    """What lies in padding: garbage, but for what says that it is padding."""
    if name in ("turn", "present", "weight") and not (name == "weight" and tensor.isnan().any()):
        return {"turn": -1, "present": False, "weight": 0}[name]
    if tensor.is_floating_point():
        return garbage
    if tensor.dtype == torch.bool:
        return True
    # an anchor met elsewhere, an action that was invalid, a turn that was long
    return tensor.flatten()[0].item() if name == "anchor" else 1


def widen(variant, x, extra, garbage, side):
    """The same batch with garbage in its padding, and more of it."""
    result = {}
    for name, tensor in x.items():
        axes = axes_of(variant, name)
        if axes[1:2] not in (["turn"], ["token"]):
            result[name] = tensor
            continue
        fill = filler(name, tensor, garbage)
        if name not in ("turn", "present", "weight"):
            where = outside(variant, name, x)
            tensor = torch.where(where.view(*where.shape, *[1] * (tensor.ndim - 2)), fill, tensor)
        margin = (extra, 0) if side == "left" and axes[1] == "token" else (0, extra)
        others = [0, 0] * (tensor.ndim - 2)
        result[name] = torch.nn.functional.pad(tensor, (*others, *margin), value=fill)
    return result


@pytest.mark.parametrize("garbage", [torch.nan, 1e30])
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("variant", PADDED, ids=str)
def test_padding_changes_no_bit(variant, side, garbage):
    for seed in SEEDS:
        dtype = torch.float64 if seed else torch.float32
        x = arguments(variant, seed=seed, dtype=dtype, batch=12 + seed)
        for extra in (0, 1, 37):
            turns = (
                {"turns": TURNS + extra} if variant.name.startswith(("turn_sum", "outc")) else {}
            )
            wider = variant(widen(variant, x, extra, garbage, side), **turns)
            for ours, plain in zip(results(wider), results(variant(x)), strict=True):
                if ours.ndim < 2:
                    assert_same(ours, plain)
                    continue
                left = extra if side == "left" and plain.shape[1] != TURNS else 0
                width = plain.shape[1]
                assert_same(ours[:, left : left + width].contiguous(), plain)
                assert not ours[:, :left].any()
                assert not ours[:, left + width :].any()


def with_gap(x, at, garbage, size=50):
    """Tool output of `size` tokens in front of column `at`: present, without reward."""
    result = {}
    for name, tensor in x.items():
        if tensor.ndim < 2 or tensor.shape[1] != x["turn"].shape[1]:
            result[name] = tensor
            continue
        fill = {"turn": -1, "present": True, "token_reward": 0.0}.get(name, garbage)
        fill = fill if tensor.is_floating_point() or name in ("turn", "present") else 1
        gap = torch.full((len(tensor), size, *tensor.shape[2:]), fill, dtype=tensor.dtype)
        result[name] = torch.cat([tensor[:, :at], gap, tensor[:, at:]], 1)
    return result


@pytest.mark.parametrize("garbage", [torch.nan, 1e30])
@pytest.mark.parametrize("variant", TOKENS, ids=str)
def test_tool_output_changes_no_credit(variant, garbage):
    for seed in SEEDS:
        x = arguments(variant, seed=seed, dtype=torch.float64 if seed else torch.float32)
        for at in (0, 3, 7, 24):  # before, inside and between turns of some rows, and after
            longer = results(variant(with_gap(x, at, garbage)))
            for ours, plain in zip(longer, results(variant(x)), strict=True):
                if ours.shape == plain.shape:
                    assert_same(ours, plain)
                    continue
                assert_same(torch.cat([ours[:, :at], ours[:, at + 50 :]], 1), plain)
                assert not ours[:, at : at + 50].any()


@pytest.mark.parametrize("variant", TOKENS, ids=str)
def test_tokens_outside_turns_get_exactly_zero(variant):
    x = arguments(variant, optional=True)
    for part in results(variant(x)):
        if part.shape == x["turn"].shape:
            assert not part[x["turn"] < 0].any()


def test_the_promise_can_break(monkeypatch):
    x = arguments(next(v for v in TOKENS if v.name == "gae"))
    x = {name: tensor.nan_to_num(2.0) for name, tensor in x.items()}
    plain, _ = gae(**x, gamma=0.9, lam=0.8, backend="torch")
    listed = returns.list_written
    # Discounted at every token, as if the policy had written all of them.
    monkeypatch.setattr(returns, "list_written", lambda turn: listed(turn.clamp(min=0)))
    broken, _ = gae(**x, gamma=0.9, lam=0.8, backend="torch")
    mine = x["turn"] >= 0
    assert not torch.equal(torch.where(mine, broken, 0), plain)
