"""Turn maps as compiled loops over rows; the loops are in `numba_maps` and `numba_sums`."""

# pyright: reportUntypedFunctionDecorator=false, reportMissingTypeStubs=false

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.ops.backend.numba_arrays import array
from creditlib.ops.backend.openmp import parallel_rows
from creditlib.ops.turn_maps import numba_maps, numba_sums, reference
from creditlib.ops.turn_maps.reference import TurnMap, smallest_dtype

__all__ = [
    "keep_trained",
    "map_ids",
    "map_runs",
    "place_turns",
    "rewards_of_turns",
    "row_sums",
]

_FIRST = 128  # turns that int8 holds: few rows have more, and for them the loop runs once more


def map_runs(mask: Tensor, *, several: bool = True) -> TurnMap:
    """The runs of a mask, as a compiled loop."""
    rows, width = mask.shape
    values, (count, tokens, end) = array(mask), _numbers(rows, 3)
    bits = _bits(values)
    if not several:
        turn = torch.empty((rows, width), dtype=torch.int8, device="cpu")
        given = (values, width, array(turn), tokens.numpy(), end.numpy())
        met = parallel_rows(numba_maps.written, rows, mask.numel(), *given)
        count = (tokens > 0).to(torch.int64)
        length = tokens[:, None] if bool(count.any()) else tokens.new_zeros(rows, 0)
        return TurnMap(turn, count, length, tokens, end, all(met))
    most = min(_FIRST, (width + 1) // 2)
    while True:
        turn = torch.empty((rows, width), dtype=smallest_dtype(most), device="cpu")
        length = torch.empty((rows, most), dtype=torch.int64, device="cpu")
        outputs = (count.numpy(), length.numpy(), tokens.numpy(), end.numpy())
        given = (values, bits, width, array(turn), *outputs)
        met = parallel_rows(numba_maps.runs, rows, mask.numel(), *given)
        largest, fits = max(each for each, _ in met), all(each for _, each in met)
        if largest <= most:
            return TurnMap(turn, count, length[:, :largest].contiguous(), tokens, end, fits)
        most = largest


def map_ids(turn: Tensor) -> TurnMap:
    """The map of turn ids, as a compiled loop."""
    rows, width = turn.shape
    values, (count, tokens, end) = array(turn), _numbers(rows, 3)
    given = (values, width, count.numpy(), tokens.numpy(), end.numpy())
    met = parallel_rows(numba_maps.ids, rows, turn.numel(), *given)
    if not all(fits for _, fits in met):
        return reference.map_ids(turn)
    largest = max(each for each, _ in met)
    found = turn.detach().to(smallest_dtype(largest))
    return TurnMap(found, count, count.new_zeros(rows, 0), tokens, end, True)


def keep_trained(turn: Tensor, mask: Tensor) -> TurnMap:
    """A map without the tokens where the mask is 0, as a compiled loop."""
    rows, width = turn.shape
    result = torch.empty_like(turn, memory_format=torch.contiguous_format)
    count, tokens, end = _numbers(rows, 3)
    outputs = (array(result), count.numpy(), tokens.numpy(), end.numpy())
    values = array(mask)
    given = (array(turn), values, _bits(values), width, *outputs)
    met = parallel_rows(numba_maps.trained, rows, turn.numel(), *given)
    length = _lengths_of(result, max(each for each, _ in met))
    return TurnMap(result, count, length, tokens, end, all(fits for _, fits in met))


def place_turns(turn: Tensor, base: Tensor, taken: Tensor, turns: int) -> Tensor:
    """A map whose rows begin at other turns, as a compiled loop."""
    result = torch.empty(turn.shape, dtype=smallest_dtype(turns), device="cpu")
    given = (array(turn), array(base), array(taken), turn.shape[1], array(result))
    parallel_rows(numba_sums.place, len(turn), turn.numel(), *given)
    return result


def rewards_of_turns(reward: Tensor, turn: Tensor, turns: int) -> Tensor:
    """The sum of the rewards of each turn, as a compiled loop."""
    rows, width = turn.shape
    result = torch.empty((rows, turns), dtype=torch.float64, device="cpu")
    values = array(reward)
    given = (values, _bits(values), array(turn), width, result.numpy())
    parallel_rows(numba_sums.rewards, rows, turn.numel(), *given)
    return result


def row_sums(x: Tensor) -> Tensor:
    """The sum of each row from left to right, as a compiled loop."""
    if x.is_complex():
        return reference.row_sums(x)
    result = torch.empty(len(x), dtype=torch.float64, device="cpu")
    parallel_rows(numba_sums.sums, len(x), x.numel(), array(x), x.shape[1], result.numpy())
    return result


def _bits(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The same memory as integers, which are compared without rules for NaN and for -0.0."""
    return values.view(f"i{values.itemsize}") if values.dtype.kind == "f" else values


def _numbers(rows: int, count: int) -> tuple[Tensor, ...]:
    return torch.empty((count, rows), dtype=torch.int64, device="cpu").unbind()


def _lengths_of(turn: Tensor, turns: int) -> Tensor:
    """int64[row turn]: the tokens of each turn."""
    length = torch.empty((len(turn), turns), dtype=torch.int64, device="cpu")
    given = (array(turn), turn.shape[1], length.numpy())
    parallel_rows(numba_maps.lengths, len(turn), turn.numel(), *given)
    return length
