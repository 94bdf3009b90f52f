"""The same numbers on one rank or on many: gather a few kilobytes, estimate, keep one's rows."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor

from creditlib.inputs.ids import ids
from creditlib.vocabulary.contract import contract_error

__all__ = ["gathered"]


def gathered(
    estimator: Callable[..., Any], process_group: dist.ProcessGroup | None = None
) -> Callable[..., Any]:
    """An estimator whose statistics run over the rows of all ranks; each rank gets its own rows.

    For estimators of trajectory and turn tensors (`grpo`, `gigpo`, `igpo`, `pure`, …), all of
    whose tensors have rows on their first axis. Ranks may hold different numbers of rows, none
    included, and different numbers of turns. Ids must mean the same on every rank: `ids` and
    `anchor_ids` see to that (not with `similarity`, whose classes depend on the texts of the call:
    there make ids on one rank, or keep a group on one). Every rank must call it, with the same
    tensors by name, dtype and number of axes: other ones are refused on every rank. Without an
    initialised process group, or with one rank, it is the estimator itself.

    >>> from creditlib import grpo
    >>> gathered(grpo)(reward=torch.tensor([0.0, 1.0]), group=torch.tensor([0, 0]), scale=None)
    tensor([-0.5000,  0.5000])
    """

    @functools.wraps(estimator)
    def call(**arguments: Any) -> Any:
        if not dist.is_available() or not dist.is_initialized():
            return estimator(**arguments)
        if dist.get_world_size(process_group) == 1:
            return estimator(**arguments)
        tensors = {name: x for name, x in arguments.items() if isinstance(x, Tensor)}
        _refuse_other_words(tensors, process_group)
        whole = {name: _gather(tensors[name], process_group) for name in sorted(tensors)}
        rank = dist.get_rank(process_group)
        result = estimator(**{**arguments, **{name: joined for name, (joined, _) in whole.items()}})
        sizes = next(iter(whole.values()))[1]
        start = sum(size[0] for size in sizes[:rank])
        return _own(result, start, sizes[rank][0], tensors)

    return call


def _refuse_other_words(
    tensors: dict[str, Tensor], process_group: dist.ProcessGroup | None
) -> None:
    """A tensor that only some ranks have would let the others wait for ever."""
    words = [f"`{name}` {x.dtype} of {x.ndim} axes" for name, x in sorted(tensors.items())]
    own = ids([words]).to(next(iter(tensors.values())).device)
    every = [torch.empty_like(own) for _ in range(dist.get_world_size(process_group))]
    dist.all_gather(every, own, group=process_group)
    if any(not torch.equal(each, own) for each in every):
        fact = f"{', '.join(words)} on this rank and others elsewhere"
        raise contract_error("gathered", "arguments", "the same tensors on every rank", fact)


def _gather(x: Tensor, process_group: dist.ProcessGroup | None) -> tuple[Tensor, list[list[int]]]:
    """All ranks' rows of a tensor, in rank order, and every rank's shape."""
    world = dist.get_world_size(process_group)
    shape = torch.tensor(x.shape, device=x.device)
    shapes = [torch.empty_like(shape) for _ in range(world)]
    dist.all_gather(shapes, shape, group=process_group)
    sizes = [cast("list[int]", each.tolist()) for each in shapes]
    widest = [max(axis) for axis in zip(*sizes, strict=True)]
    # Booleans travel as bytes: not every backend moves them.
    sent = x.to(torch.uint8) if x.dtype == torch.bool else x
    padded = sent.new_zeros(widest)
    padded[tuple(slice(size) for size in x.shape)] = sent
    parts = [torch.empty_like(padded) for _ in range(world)]
    dist.all_gather(parts, padded, group=process_group)
    rows = [part[: size[0]] for part, size in zip(parts, sizes, strict=True)]
    return torch.cat(rows).to(x.dtype), sizes


def _own(result: Any, start: int, rows: int, tensors: dict[str, Tensor]) -> Any:
    """This rank's rows, cut to its own number of turns."""
    if isinstance(result, tuple):
        parts = cast("tuple[Any, ...]", result)
        return tuple(_own(part, start, rows, tensors) for part in parts)
    if result.ndim == 0:
        return result  # a statistic of all rows
    own = result[start : start + rows]
    turns = [x.shape[1] for x in tensors.values() if x.ndim == 2]
    return own[:, : max(turns)] if turns and own.ndim == 2 else own
