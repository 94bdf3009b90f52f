"""Min-form credit on a GPU in two launches: what each row earns, then the credit of each row.

A program of the second launch compares its row with all rows, twice: for the extremes of the group,
and for sums of distances to the smallest, cut as in `triton_precision`. So constant groups give
exactly 0, and neither order nor padding changes a bit. The number of pairs grows with the square of
the rows. Beyond MOST rows, or LONGEST turns of a row, the reference runs, which walks columns. The
launcher never waits for the device, so CUDA graphs can record it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from creditlib.ops.backend.triton_tensors import OPTIONS, bits, on, rows
from creditlib.ops.min_form import reference
from creditlib.ops.min_form.triton_kernel import credit_kernel, returns_kernel, row_kernel

__all__ = ["min_form_credit", "min_returns", "warps"]

MOST, LONGEST = 16384, 1024
# Rows that a program compares its row with at once.
COLS = 128
# Turns of a warp, so that no Triton since 3.6 spills registers; of the kernel of credits.
WARP, CREDIT_WARP = 128, 64


def warps(turns: int, each: int) -> int:
    """The warps of a program for a row of so many turns, a power of 2; a warp takes `each` turns.

    >>> warps(16, WARP), warps(1024, WARP)
    (1, 8)
    """
    return max(1, turns // each)


def _shape(form: str, width: int, each: int = WARP) -> dict[str, Any]:
    """The constants of a kernel for rows of so many turns, at least one."""
    turns = 1 << (width - 1).bit_length()
    return {"FORM": form, "TURNS": turns, "num_warps": warps(turns, each), **OPTIONS}


def _whole(x: Tensor | None) -> Tensor | None:
    """A value for each row, without gaps in memory."""
    return None if x is None else bits(x.detach().contiguous())


def min_returns(
    score: Tensor, turn_count: Tensor, temperature: float | None, valid: Tensor | None = None
) -> Tensor:
    """The sums to the end of the steps, in one launch."""
    count, width = score.shape
    if width > LONGEST:
        return reference.min_returns(score, turn_count, temperature, valid=valid)
    dtype = torch.float64 if score.dtype == torch.float64 else torch.float32
    result = torch.empty(score.shape, dtype=dtype, device=score.device)
    if not score.numel():
        return result
    x, heat = rows(score), 1.0 if temperature is None else float(temperature)
    with on(score):
        returns_kernel[(count,)](
            *(x, _whole(turn_count), _whole(valid), result, width, x.stride(0), heat),
            **_shape("hard_min" if temperature is None else "softmin", width),
        )
    return result


def min_form_credit(
    score: Tensor,
    group: Tensor,
    turn_count: Tensor,
    *,
    form: str,
    temperature: float,
    baseline: str,
    reward_weight: float,
    lone: str,
    valid: Tensor | None = None,
    turn_length: Tensor | None = None,
    length: Tensor | None = None,
    reward: Tensor | None = None,
) -> Tensor:
    """A min-form return minus that of the group's other rows, in two launches."""
    count, width = score.shape
    if count > MOST or width > LONGEST:
        return reference.min_form_credit(
            score, group, turn_count, form=form, temperature=temperature, baseline=baseline,
            reward_weight=reward_weight, lone=lone, valid=valid, turn_length=turn_length,
            length=length, reward=reward,
        )  # fmt: skip
    given = score, turn_length, length, reward
    double = any(y is not None and y.dtype == torch.float64 for y in given)
    dtype = torch.float64 if double else torch.float32
    result = torch.empty(score.shape, dtype=dtype, device=score.device)
    if not score.numel():
        return result
    by_token = baseline == "token" and turn_length is not None
    x, unit = rows(score), rows(turn_length) if by_token and turn_length is not None else None
    each = group, turn_count, valid, length if by_token else None, reward
    ids, counts, taken, lengths, outcome = map(_whole, each)
    kept = torch.empty((3, count), dtype=torch.float64, device=score.device)
    sizes = [count, width, x.stride(0), 0 if unit is None else unit.stride(0), float(temperature)]
    with on(score):
        row_kernel[(count,)](x, counts, taken, unit, lengths, kept, *sizes, **_shape(form, width))
        credit_kernel[(count,)](
            *(x, ids, counts, taken, unit, outcome, kept, result, *sizes, float(reward_weight)),
            RAW=lone == "raw", COLS=COLS, **_shape(form, width, CREDIT_WARP),
        )  # fmt: skip
    return result
