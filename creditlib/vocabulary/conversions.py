"""Tensors that a call takes besides its contract: counts and flags as rewards, a mask as turns.

Both are converted before the function runs, on every device and under `torch.compile`.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import torch
from torch import Tensor

from creditlib.vocabulary.annotations import Argument

__all__ = [
    "Convertible",
    "arguments_converted",
    "as_reward",
    "convert",
    "convertible_arguments",
    "row_of_tokens",
    "runs_of_mask",
]

_EXACT_IN_FLOAT32 = (torch.bool, torch.int8, torch.int16, torch.uint8)


Convertible: TypeAlias = tuple[tuple[str, frozenset[torch.dtype]], ...]


def convertible_arguments(arguments: tuple[Argument, ...]) -> Convertible:
    """The arguments of a function that may be given in other dtypes, and these dtypes."""
    return tuple((argument.name, argument.also) for argument in arguments if argument.also)


def convert(name: str, x: Tensor, offsets: Tensor | None) -> Tensor:
    """A tensor of another dtype in the dtype of its contract."""
    return runs_of_mask(x, offsets) if name == "turn" else as_reward(x)


def as_reward(x: Tensor) -> Tensor:
    """Integers and flags as numbers: those of trajectories and turns are exact up to 2^53.

    >>> as_reward(torch.tensor([True, False]))
    tensor([1., 0.])
    """
    return x.to(torch.float32 if x.dtype in _EXACT_IN_FLOAT32 else torch.float64)


def row_of_tokens(offsets: Tensor, tokens: int) -> Tensor:
    """The row that owns each packed token, int64[token].

    >>> row_of_tokens(torch.tensor([0, 2, 2, 3]), 3).tolist()
    [0, 0, 2]
    """
    position = torch.arange(tokens, device=offsets.device)
    return torch.searchsorted(offsets[1:].to(torch.int64).contiguous(), position, right=True)


def runs_of_mask(mask: Tensor, offsets: Tensor | None = None) -> Tensor:
    """The number of the run that each token of a mask belongs to, -1 outside.

    `mask` is bool[batch token], or bool[token] with `offsets`. A run ends where its row ends.

    >>> runs_of_mask(torch.tensor([[False, True, True, False, True]]))
    tensor([[-1,  0,  0, -1,  1]])
    """
    before = torch.nn.functional.pad(mask[..., :-1], (1, 0))[..., : mask.shape[-1]]
    if offsets is None:
        return torch.where(mask, torch.cumsum(mask & ~before, -1) - 1, -1)
    position = torch.arange(mask.shape[0], device=mask.device)
    start = offsets[:-1].to(torch.int64)[row_of_tokens(offsets, mask.shape[0])]
    run = torch.cumsum(mask & (~before | (position == start)), 0)
    skipped = torch.nn.functional.pad(run, (1, 0))[start]
    return torch.where(mask, run - skipped - 1, -1)


def arguments_converted(
    convertible: Convertible,
    parameters: tuple[str, ...],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call, those in other dtypes converted."""
    position = {name: i for i, name in enumerate(parameters[: len(args)])}
    for name, dtypes in convertible:
        x = args[position[name]] if name in position else kwargs.get(name)
        if not isinstance(x, Tensor) or x.dtype not in dtypes:
            continue
        found = convert(name, x, kwargs.get("offsets"))
        if name in position:
            args = (*args[: position[name]], found, *args[position[name] + 1 :])
        else:
            kwargs = {**kwargs, name: found}
    return args, kwargs
