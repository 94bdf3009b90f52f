"""The same numbers on one rank or on many: gather a few kilobytes, estimate, keep one's rows."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor

from creditlib.inputs.ids import ids
from creditlib.vocabulary.messages import contract_error, describe_value
from creditlib.vocabulary.out import check_out, out_pair

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
    options, and with the same tensors by name, dtype and number of axes, all of which have as many
    rows. Anything else is refused on every rank. Rows of tokens may have other widths on other
    ranks; packed tokens are refused. `out` receives this rank's rows. Without an initialised
    process group, or with one rank, it is the estimator itself.

    Args:
        estimator: a function of trajectory and turn tensors.
        process_group: the ranks; None is the default group of `torch.distributed`.

    >>> from creditlib import grpo
    >>> gathered(grpo)(reward=torch.tensor([0.0, 1.0]), group=torch.tensor([0, 0]), scale=None)
    tensor([-0.5000,  0.5000])
    """
    return _Gathered(estimator, process_group)


class _Gathered:
    """The function that `gathered` returns; it travels to other processes as its two arguments."""

    def __init__(
        self, estimator: Callable[..., Any], process_group: dist.ProcessGroup | None
    ) -> None:
        functools.update_wrapper(self, estimator)
        self._given = estimator, process_group

    def __reduce__(self) -> tuple[Any, ...]:
        """What pickle keeps."""
        return gathered, self._given

    def __call__(self, *places: Any, **names: Any) -> Any:
        """This rank's rows of the result over the rows of all ranks."""
        estimator, process_group = self._given
        if not dist.is_available() or not dist.is_initialized():
            return estimator(*places, **names)
        if dist.get_world_size(process_group) == 1:
            return estimator(*places, **names)
        arguments = dict(_by_name(estimator, places, names))
        out = arguments.pop("out", None)
        tensors = {name: x for name, x in arguments.items() if isinstance(x, Tensor)}
        _refuse_scalars(tensors)
        _refuse_other_arguments(arguments, process_group)
        fills = {"turn": -1}  # a token that nobody wrote
        whole = {
            name: _gather(tensors[name], process_group, fills.get(name, 0))
            for name in sorted(tensors)
        }
        rank = dist.get_rank(process_group)
        result = estimator(**{**arguments, **{name: joined for name, (joined, _) in whole.items()}})
        sizes = next(iter(whole.values()))[1]
        start = sum(size[0] for size in sizes[:rank])
        own = _own(result, start, sizes[rank][0], tensors)
        return own if out is None else _written(estimator.__name__, own, out)


def _by_name(
    estimator: Callable[..., Any], places: tuple[Any, ...], names: dict[str, Any]
) -> dict[str, Any]:
    """The arguments of a call by name: those given by place belong to the first parameters."""
    if not places:
        return names
    parameters = inspect.signature(estimator).parameters.values()
    open_to_place = [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
    if len(places) > len(open_to_place):
        fact = f"{len(places)} by place"
        raise contract_error("gathered", "arguments", "given by name", fact)
    return {**dict(zip(open_to_place, places, strict=False)), **names}


def _written(function: str, result: Any, out: Any) -> Any:
    """This rank's rows in `out`."""
    if isinstance(result, Tensor):
        check_out(function, result, result.dtype, out)
        with torch.no_grad():
            return out.copy_(result)
    outs = out_pair(function, out)
    pairs = zip(cast("tuple[Tensor, ...]", result), outs, strict=True)
    return tuple(_written(function, part, each) for part, each in pairs)


def _refuse_scalars(tensors: dict[str, Tensor]) -> None:
    for name, x in tensors.items():
        if x.ndim == 0:
            remedy = "pass a number, such as `.item()`"
            fact = describe_value(x)
            raise contract_error("gathered", name, "a tensor with one entry a row", fact, remedy)
    if not tensors:
        raise contract_error("gathered", "arguments", "at least one tensor", "none")


def _refuse_other_arguments(
    arguments: Mapping[str, Any], process_group: dist.ProcessGroup | None
) -> None:
    """Refuse, on every rank, arguments that differ between ranks or whose rows do not match.

    A rank that raised alone would let the others wait for ever: what each rank finds is exchanged
    before anything is refused.
    """
    tensors = {name: x for name, x in arguments.items() if isinstance(x, Tensor)}
    options = {name: x for name, x in arguments.items() if not isinstance(x, Tensor)}
    words = [f"`{name}` {x.dtype} of {x.ndim} axes" for name, x in sorted(tensors.items())]
    words += [f"`{name}` {_option(x)}" for name, x in sorted(options.items()) if x is not None]
    rows = {name: len(x) for name, x in tensors.items()}
    packed = "offsets" in tensors
    right = len(set(rows.values())) == 1 and not packed
    found = torch.stack([ids([words])[0], torch.tensor(int(right), device="cpu")])
    own = found.to(next(iter(tensors.values())).device)
    every = [torch.empty_like(own) for _ in range(dist.get_world_size(process_group))]
    dist.all_gather(every, own, group=process_group)
    if packed:
        wanted = "none: packed tokens are not gathered"
        raise contract_error("gathered", "offsets", wanted, "int[batch+1]", "pad the rows")
    if not all(bool(each[1]) for each in every):
        counts = ", ".join(f"`{name}` {count}" for name, count in sorted(rows.items()))
        fact = f"{counts} on this rank" if not right else "other numbers on another rank"
        raise contract_error("gathered", "arguments", "tensors of as many rows", fact)
    if any(not torch.equal(each, own) for each in every):
        fact = f"{', '.join(words)} on this rank and others elsewhere"
        raise contract_error("gathered", "arguments", "the same on every rank", fact)


def _option(value: Any) -> str:
    """An option in words that are the same on every rank, whatever the address of an object."""
    if isinstance(value, (str, int, float, bool)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_option, cast('Sequence[Any]', value)))}]"
    return type(value).__name__


def _gather(
    x: Tensor, process_group: dist.ProcessGroup | None, fill: int
) -> tuple[Tensor, list[list[int]]]:
    """All ranks' rows of a tensor, in rank order, and every rank's shape; padded with `fill`."""
    world = dist.get_world_size(process_group)
    shape = torch.tensor(x.shape, device=x.device)
    shapes = [torch.empty_like(shape) for _ in range(world)]
    dist.all_gather(shapes, shape, group=process_group)
    sizes = [cast("list[int]", each.tolist()) for each in shapes]
    widest = [max(axis) for axis in zip(*sizes, strict=True)]
    # Booleans travel as bytes: not every backend moves them.
    sent = x.to(torch.uint8) if x.dtype == torch.bool else x
    padded = sent.new_full(widest, fill)
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
