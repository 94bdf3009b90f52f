"""Which form of a kernel is best: programs a row, tokens at a time, warps, tiles, programs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

import creditlib as cl
from benchmarks.gpu.context import Context
from benchmarks.gpu.measuring import changed, gae_plan, kept_inputs, measure_plan
from benchmarks.gpu.scale import Scale
from benchmarks.grid.shapes import Shape
from benchmarks.grid.tokens import plan
from benchmarks.work import Batch, Plan, Work

__all__ = ["Choice", "choices", "prepare", "run"]

NEVER, ALWAYS = 10**9, 1  # rows or tokens from which on a form is taken
SMALL_WARPS = 4


@dataclass(frozen=True)
class Choice:
    """A row of the grid with constants of a launcher changed to other values."""

    plan: Plan
    what: str
    module: Any
    values: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What is said if it fails.

        >>> Choice(gae_plan(2, 64, 2, "int8, holes"), "split", None, {}).name
        'gae 2x64 int8, holes, split'
        """
        return f"{self.plan.key}, {self.what}"


def choices(context: Context) -> list[Choice]:
    """All forms that are compared."""
    from creditlib.ops.returns import triton_launch as returns

    scale = context.scale
    found: list[Choice] = []
    for rows in scale.few_rows:
        each = gae_plan(rows, scale.long, 50, "int8, holes")
        found.append(Choice(each, "as chosen", returns, {}))
        found.append(Choice(each, "split", returns, {"MANY_ROWS": NEVER}))
        found += [_whole(each, *form) for form in scale.long_forms]
    each = gae_plan(*scale.shape, "int8, holes")
    found += [_whole(each, *form) for form in scale.forms]
    return found + _others(scale)


def _whole(plan: Plan, chunk: int, warps: int) -> Choice:
    """One program for each row; large programs may use more registers, as where they are chosen."""
    from creditlib.ops.returns import triton_launch as returns

    usual = returns.WHOLE if warps <= SMALL_WARPS else returns.LARGE
    form = returns.WHOLE | {4: usual[4]._replace(chunk=chunk, warps=warps)}
    values = {"MANY_ROWS": ALWAYS, "MORE_ROWS": ALWAYS, "WHOLE": form}
    return Choice(plan, f"whole {chunk}/{warps}", returns, values)


def _others(scale: Scale) -> list[Choice]:
    """Programs of whitening, tiles of to_tokens, sums by turns and by runs."""
    from creditlib.ops.tokens import triton_launch as tokens
    from creditlib.ops.whiten import triton_launch as whiten

    shape = Shape(*scale.shape, "which form is best")
    whitened = plan("whiten", shape, "bool", _work(_whiten))
    summed = plan("turn_sum", shape, "int8, holes", _work(_turn_sum))
    spread = plan("to_tokens", shape, "from turns, int8, holes", _work(_to_tokens))
    found = [
        Choice(whitened, f"{programs} programs", whiten, {"PROGRAMS": programs})
        for programs in scale.programs
    ]
    for wide in scale.tiles:
        tiles = [*tokens.TILES[:-1], (None, (1, wide))]
        found.append(Choice(spread, f"tile 1x{wide}", tokens, {"TILES": tiles}))
    for what, least in (("by turns", NEVER), ("by runs", ALWAYS)):
        found.append(Choice(summed, what, tokens, {"MANY": least, "WIDE": least}))
    return found


Given = tuple[torch.Tensor, torch.Tensor]


def _turn_sum(batch: Batch) -> tuple[Callable[..., torch.Tensor], Given]:
    turns = batch["process_reward"].shape[1]
    return functools.partial(cl.turn_sum, turns=turns), (batch["token_reward"], batch["turn"])


def _whiten(batch: Batch) -> tuple[Callable[..., torch.Tensor], Given]:
    return cl.whiten, (batch["value"], batch["turn"] >= 0)


def _to_tokens(batch: Batch) -> tuple[Callable[..., torch.Tensor], Given]:
    return cl.to_tokens, (batch["process_reward"], batch["turn"])


def _work(
    pair: Callable[[Batch], tuple[Callable[..., torch.Tensor], Given]],
) -> Callable[[Batch, Shape], Work]:
    def make(batch: Batch, shape: Shape) -> Work:
        function, given = pair(batch)
        return Work(batch, lambda: function(*given), given)

    return make


def run(context: Context) -> None:
    """Measure form after form; each is compared with the reference too."""

    def one(choice: Choice) -> None:
        with changed(choice.module, **choice.values):
            measure_plan(context, choice.plan, choice.what)

    with kept_inputs():
        context.each(choices(context), lambda choice: choice.name, one)


prepare = run
