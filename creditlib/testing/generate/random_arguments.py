"""Random arguments for any function with annotated tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from creditlib.testing.generate.batch_builder import OTHER
from creditlib.vocabulary.annotations import Argument, tensors_of

__all__ = ["random_arguments"]


def random_arguments(
    function: Callable[..., Any],
    *,
    seed: int = 0,
    batch: int = 12,
    turns: int = 5,
    tokens: int = 24,
    optional: bool = False,
    dtype: torch.dtype = torch.float32,
) -> dict[str, Tensor]:
    """Consistent random tensors for the arguments of `function`, drawn from its signature alone.

    Groups have unequal sizes, and turn counts are 0 to `turns`. Tool output lies before, between
    and after turns. Floats in padding are NaN. Values lie in the ranges of the vocabulary.

    Args:
        function: a function with annotated tensors.
        seed: of the random numbers.
        batch: the number of trajectories.
        turns: the size of the axis of turns.
        tokens: the size of the axis of tokens.
        optional: True draws the optional tensors too, except `offsets` and `out`.
        dtype: of floating point tensors.

    >>> from creditlib import grpo
    >>> sorted(random_arguments(grpo))
    ['group', 'reward']
    """
    draw = torch.Generator().manual_seed(seed)
    turn_count = torch.randint(0, turns + 1, (batch,), generator=draw)
    sizes = {"batch": batch, "turn": turns, "token": tokens, **OTHER}
    structure = _structure(draw, turn_count, turns, tokens)
    result: dict[str, Tensor] = {}
    for name, argument in tensors_of(function).items():
        if name in ("offsets", "out") or not (argument.required or optional):
            continue
        if name in structure:
            result[name] = structure[name]
            continue
        result[name] = _values(draw, argument, sizes, structure, dtype)
    return result


def _structure(
    draw: torch.Generator, turn_count: Tensor, turns: int, tokens: int
) -> dict[str, Tensor]:
    """The tensors that must agree with each other."""
    batch = len(turn_count)
    real = torch.arange(turns) < turn_count[:, None]
    lead = torch.randint(0, 3, (batch, 1), generator=draw)
    size = torch.randint(1, 4, (batch, turns), generator=draw)
    gap = torch.randint(0, 3, (batch, turns), generator=draw)
    start = lead + torch.cumsum(size + gap, 1) - size - gap
    at = torch.arange(tokens)[:, None]
    held = (at >= start[:, None]) & (at < (start + size)[:, None]) & real[:, None]
    number = torch.where(held, torch.arange(turns), -1)
    turn = torch.nn.functional.pad(number, (0, 1), value=-1).amax(2)
    group = torch.randint(0, max(batch // 3, 1), (batch,), generator=draw) * 7 - 3
    return {
        "turn_count": turn_count,
        "group": group,
        "valid": torch.rand(batch, generator=draw) < 0.8,
        "turn": turn,
        "turn_length": held.sum(1),
        "length": (turn >= 0).sum(1),
        "present": torch.ones(batch, tokens, dtype=torch.bool),
        "real": real,
        "call_count": torch.randint(0, OTHER["call"] + 1, (batch,), generator=draw),
        "target_count": torch.randint(0, OTHER["target"] + 1, (batch,), generator=draw),
        "join_order": _orders(draw, real),
        **_branches(draw, group, (turn >= 0).sum(1)),
    }


def _orders(draw: torch.Generator, real: Tensor) -> Tensor:
    """The turns of each trajectory in a random order for each sample, -1 past the last one."""
    key = torch.rand(len(real), OTHER["sample"], real.shape[1], generator=draw)
    order = torch.where(real[:, None], key, 2.0).argsort(-1)
    return torch.where(real[:, None], order, -1)


def _branches(draw: torch.Generator, group: Tensor, written: Tensor) -> dict[str, Tensor]:
    """Ids of rollouts; half of those after the first of their group are branches of the first."""
    rows = torch.arange(len(group))
    first = (group[:, None] == group).to(torch.int64).argmax(1) if len(group) else rows
    branch = (torch.rand(len(group), generator=draw) < 0.5) & (first < rows)
    rollout = 5 * rows + 3
    shared = torch.rand(len(group), generator=draw) * (written[first] + 1)
    return {
        "rollout": rollout,
        "branch_of": torch.where(branch, rollout[first], -1),
        "branch_at": torch.where(branch, shared.to(torch.int64), 0),
    }


def _values(
    draw: torch.Generator,
    argument: Argument,
    sizes: dict[str, int],
    structure: dict[str, Tensor],
    dtype: torch.dtype,
) -> Tensor:
    shape = argument.shapes[0]
    size = [sizes[axis] + extra for axis, extra in shape.axes]
    if shape.kind == "bool":
        return torch.rand(size, generator=draw) < 0.5
    spec = argument.spec
    low = -2.0 if spec is None or spec.low is None else spec.low
    high = 2.0 if spec is None or spec.high is None else spec.high
    if shape.kind == "int":
        return torch.randint(int(low), int(high) + 3, size, generator=draw)
    # Steps of 1/4: ties are common, as in real rewards.
    x = low + (high - low) * torch.randint(0, 17, size, generator=draw) / 16
    padding = None
    axes = [axis for axis, _ in shape.axes]
    if axes[:2] == ["batch", "turn"]:
        padding = ~structure["real"]
    elif axes[:2] == ["batch", "token"]:
        padding = structure["turn"] < 0
    elif axes[:1] == ["batch"] and axes[2:] == ["turn"]:  # one more value than there are turns
        real = structure["real"]
        extra = real.new_ones(len(real), shape.axes[2][1])
        padding = ~torch.cat([extra, real], 1)[:, None]
    if padding is not None and len(axes) == 3 and axes[2] != "turn":
        padding = padding[..., None]
    return (x if padding is None else x.masked_fill(padding, torch.nan)).to(dtype)
