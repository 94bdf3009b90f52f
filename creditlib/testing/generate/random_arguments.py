"""Random arguments for any function with annotated tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

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
    `optional` draws the optional tensors too, except `offsets` and `out`.

    >>> from creditlib import grpo
    >>> sorted(random_arguments(grpo))
    ['group', 'reward']
    """
    draw = torch.Generator().manual_seed(seed)
    turn_count = torch.randint(0, turns + 1, (batch,), generator=draw)
    sizes = {"batch": batch, "turn": turns, "token": tokens, "milestone": 4, "objective": 3}
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
    return {
        "turn_count": turn_count,
        "group": torch.randint(0, max(batch // 3, 1), (batch,), generator=draw) * 7 - 3,
        "valid": torch.rand(batch, generator=draw) < 0.8,
        "turn": turn,
        "turn_length": held.sum(1),
        "length": (turn >= 0).sum(1),
        "present": torch.ones(batch, tokens, dtype=torch.bool),
        "real": real,
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
    if [axis for axis, _ in shape.axes] == ["batch", "turn"]:
        padding = ~structure["real"]
    elif [axis for axis, _ in shape.axes] == ["batch", "token"]:
        padding = structure["turn"] < 0
    return (x if padding is None else x.masked_fill(padding, torch.nan)).to(dtype)
