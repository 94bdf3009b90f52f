"""Values of small tensors, looked at where looking waits for no device.

A value that is not finite spreads from one row over its group, and over the batch where a statistic
covers the batch. A count outside its tensor loses rewards. `check_batch` looks at the same values
on any device.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from creditlib.vocabulary.annotations import LARGEST, Argument
from creditlib.vocabulary.argument_spec import ArgumentSpec
from creditlib.vocabulary.messages import ContractError, contract_error
from creditlib.vocabulary.regions import in_valid_rows, read_values

__all__ = [
    "can_read_values",
    "check_offsets",
    "check_values",
    "first_wrong_value",
    "has_small_values",
    "name_place",
]

_COUNT_REMEDY = "`turn_count` counts turns, not tokens"


def can_read_values(x: Tensor) -> bool:
    """Whether reading a value waits for no device and breaks no graph.

    >>> can_read_values(torch.zeros(1)), can_read_values(torch.zeros(1, device="meta"))
    (True, False)
    """
    return x.device.type == "cpu" and not torch.compiler.is_compiling()


def has_small_values(argument: Argument) -> bool:
    """Whether an argument holds numbers of trajectories or turns that have a range.

    Ids have none, and tokens are many: looking at them would be a pass over memory.
    """
    shape, spec = argument.shapes[0], argument.spec
    if spec is None or spec.kind or argument.name in ("offsets", "out"):
        return False
    if shape.kind == "bool" or any(axis == "token" for axis, _ in shape.axes):
        return False
    return shape.kind in ("float", "real") or bool(spec.range())


def check_values(
    function: str,
    arguments: tuple[Argument, ...],
    given: Mapping[str, Any],
    sizes: Mapping[str, tuple[int, str]],
    remedy: str = "",
) -> None:
    """Refuse the first value that is not finite or out of range, and name its row.

    `remedy` is what to do about a row with a value that is not finite. Only tensors whose values
    can be read at once are looked at. A count of turns past the axis of turns would lose the
    rewards there.
    """
    for argument in arguments:
        x = given.get(argument.name)
        if x is None or not x.is_cpu or x.dtype is torch.bool or not x.numel():
            continue
        if _quickly_right(argument, x, sizes):
            continue
        axes = [axis for axis, _ in argument.fitting(x).axes]
        read = read_values(argument.name, x, axes, given)
        # Padding often holds what is not finite: the same look again, at what is read.
        if _quickly_right(argument, torch.where(read, x, 0), sizes):
            continue
        error = first_wrong_value(function, argument, x, read, remedy)
        if error is not None:
            raise error
        if argument.name == "turn_count":
            _check_turn_counts(function, x, given, sizes)


def _quickly_right(argument: Argument, x: Tensor, sizes: Mapping[str, tuple[int, str]]) -> bool:
    """Whether all values are allowed, in one pass; False where padding has to be told apart."""
    if not argument.has_range and x.dtype is not torch.float64:
        return math.isfinite(x.sum().item())
    low, high = argument.limits
    if argument.name == "turn_count" and "turn" in sizes:
        high = sizes["turn"][0]
    least, most = torch.aminmax(x)
    return low <= least.item() and most.item() <= high  # NaN fails both


def first_wrong_value(
    function: str, argument: Argument, x: Tensor, read: Tensor, remedy: str = ""
) -> ContractError | None:
    """The refusal of the first value of `x` that its argument does not allow, if there is one.

    `read`, bool like `x`, holds the values that an estimator reads.
    """
    spec, axes = argument.spec or ArgumentSpec(""), [a for a, _ in argument.fitting(x).axes]
    low, high = argument.limits
    checks = [(spec.range(), (x < low) | (x > high))] if spec.range() else []
    if x.is_floating_point():
        unknown = ~x.isfinite()
        if spec.nan:  # a reward is never infinite; another value may be
            unknown = x.isinf() if spec.unit == "reward" else torch.zeros_like(unknown)
        large = x.isfinite() & (x.abs() > LARGEST)
        checks = [("finite", unknown), *checks, (f"below {LARGEST:g} in size", large)]
    for wanted, wrong in checks:
        wrong = wrong & read
        if bool(wrong.any()):
            fact = name_place(x, wrong, axes)
            end = remedy if wanted == "finite" else ""
            return contract_error(function, argument.name, wanted, fact, end)
    return None


def name_place(x: Tensor, wrong: Tensor, axes: Sequence[str]) -> str:
    """The first wrong value and its place, for a sentence.

    >>> x = torch.tensor([[1.0, -2.0]])
    >>> name_place(x, x < 0, ["batch", "turn"])
    '-2.0 in row 0, turn 1'
    """
    place: list[int] = wrong.nonzero()[0].tolist()
    words = ("row" if axis == "batch" else axis for axis in axes)
    where = ", ".join(f"{axis} {i}" for axis, i in zip(words, place, strict=True))
    return f"{x[tuple(place)].item()} in {where}"


def _check_turn_counts(
    function: str, count: Tensor, given: Mapping[str, Any], sizes: Mapping[str, tuple[int, str]]
) -> None:
    turns, owner = sizes["turn"]
    wrong = (count > turns) & in_valid_rows(count, given)
    if bool(wrong.any()):
        wanted = f"at most {turns}, the turns of `{owner}`"
        fact = name_place(count, wrong, ["batch"])
        raise contract_error(function, "turn_count", wanted, fact, _COUNT_REMEDY)


def check_offsets(name: str, offsets: Tensor, tokens: int) -> None:
    """Refuse offsets that do not rise from 0 to the number of tokens; reads values.

    >>> check_offsets("gae", torch.tensor([0, 2, 3]), 3)
    """
    wanted = f"rising from 0 to the {tokens} tokens"
    if int(offsets[0]) != 0 or int(offsets[-1]) != tokens:
        raise contract_error(name, "offsets", wanted, f"{int(offsets[0])} to {int(offsets[-1])}")
    falls = offsets[1:] < offsets[:-1]
    if bool(falls.any()):
        row = int(falls.to(torch.uint8).argmax())
        fact = f"{int(offsets[row])} before {int(offsets[row + 1])}"
        raise contract_error(name, "offsets", wanted, fact)
