"""Credit down to tokens, and token values up to turns, one launch each.

    to_tokens   one pass over the tokens; the credit of a few thousand turns stays in the cache.
                For packed tokens a program searches the rows of its first and last token, and
                each of its tokens searches between these two.
    sum_turns   Few tokens: a program for each row and 8 turns, which skips chunks without tokens of
                its turns. Many: a program for each chunk, in two launches, of which the first finds
                how large the values of each turn are (of integers nothing needs to be found); both
                add to memory that is cleared before. Sums are cut as in `triton_precision`: no
                order, padding, gap or layout changes a bit.

The launchers never wait for the device, so CUDA graphs can record them. On a
CPU a turn id past the last turn is refused. On a GPU such a token gets 0 and counts nowhere.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from creditlib.inputs.turn_order import refuse_unordered_turns
from creditlib.ops.backend.triton_tensors import OPTIONS, on, rows, target
from creditlib.ops.precision import copy_to_out
from creditlib.ops.tokens.reference import refuse_turns
from creditlib.ops.tokens.triton_kernel import packed_kernel, padded_kernel, sum_kernel
from creditlib.ops.tokens.triton_runs import range_kernel, runs_kernel

__all__ = ["sum_turns", "to_tokens"]

# (widest row, (rows, tokens) of a program) for padded rows; tokens of a program for packed rows.
TILES = [(32, (32, 32)), (128, (8, 128)), (512, (2, 512)), (None, (1, 1024))]
PACKED, WARPS = 1024, 4
# Turns of a program that sums, and tokens that it reads at once.
TURNS, CHUNK = 8, 256
# Tokens of a batch, and of a row on average, from which on a program takes a chunk: RUN tokens.
MANY, WIDE = 2**18, 2**13
RUN, RUN_WARPS = 512, 1
# float64 adds integers of at most 32 bits without rounding.
SMALL = (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32)


def to_tokens(
    credit: Tensor,
    turn: Tensor,
    *,
    weight: Tensor | None = None,
    offsets: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Every token gets the credit of its row or of its turn; exactly 0 where turn < 0."""
    by_turn = credit.ndim == 2
    turns = credit.shape[1] if by_turn else 0
    if by_turn:
        refuse_turns("to_tokens", turn, turns, offsets)
    else:
        refuse_unordered_turns("to_tokens", turn, offsets)
    dtype = torch.float64 if credit.dtype == torch.float64 else torch.float32
    result = target(turn, dtype, out)
    if not turn.numel():
        return copy_to_out(result, out)
    credit, turn = rows(credit), rows(turn)
    weight = None if weight is None else rows(weight)
    given = [credit, turn, weight, result]
    form: dict[str, Any] = {"BY_TURN": by_turn, "num_warps": WARPS, **OPTIONS}
    with on(turn):
        if offsets is not None:
            sizes = [credit.shape[0], turn.shape[0], turns, credit.stride(0)]
            grid = ((turn.shape[0] + PACKED - 1) // PACKED,)
            packed_kernel[grid](*given, rows(offsets), *sizes, **form, BLOCK=PACKED)
        else:
            height, width = turn.shape
            high, wide = next(tile for most, tile in TILES if most is None or width <= most)
            strides = [0 if x is None else x.stride(0) for x in given]
            grid = (-(-height // high) * -(-width // wide),)
            padded_kernel[grid](
                *given, height, width, turns, *strides, **form, ROWS=high, COLS=wide
            )
    return copy_to_out(result, out)


def sum_turns(x: Tensor, turn: Tensor, turns: int, *, offsets: Tensor | None = None) -> Tensor:
    """The sum of x over the tokens of each turn."""
    refuse_turns("turn_sum", turn, turns, offsets)
    height = turn.shape[0] if offsets is None else offsets.shape[0] - 1
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    result = torch.empty((height, turns), dtype=dtype, device=x.device)
    if not result.numel():
        return result
    exact, tokens = x.dtype in SMALL, turn.numel()
    x, turn, offsets = rows(x), rows(turn), None if offsets is None else rows(offsets)
    if tokens >= min(MANY, WIDE * height):
        return _sum_runs(x, turn, offsets, exact, result)
    sizes = [turn.shape[-1] if offsets is None else 0, turns]
    strides = [0, 0] if offsets is not None else [x.stride(0), turn.stride(0)]
    with on(x):
        sum_kernel[(height * -(-turns // TURNS),)](
            *(x, turn, result, offsets, *sizes, *strides),
            EXACT=exact, TURNS=TURNS, CHUNK=CHUNK, num_warps=WARPS, **OPTIONS,
        )  # fmt: skip
    return result


def _sum_runs(
    x: Tensor, turn: Tensor, offsets: Tensor | None, exact: bool, result: Tensor
) -> Tensor:
    """The sums of turns, a program for each chunk."""
    (height, turns), width = result.shape, turn.shape[-1]
    programs = -(-width // RUN) * (height if offsets is None else 1)
    strides = [0, 0] if offsets is not None else [x.stride(0), turn.stride(0)]
    sizes = [height, width, turns, *strides]
    # Largest values, numbers of tokens, coarse and fine pieces of sums.
    both = torch.zeros((2 if exact else 4, height, turns), dtype=torch.int64, device=x.device)
    found, sums = None if exact else both[:2], both[-2:].view(torch.float64)
    form: dict[str, Any] = {"CHUNK": RUN, "num_warps": RUN_WARPS, **OPTIONS}
    with on(x):
        if found is not None:
            range_kernel[(programs,)](x, turn, offsets, found, *sizes, **form)
        runs_kernel[(programs,)](x, turn, offsets, found, sums, *sizes, **form)
    return torch.add(sums[0], sums[1], out=result)
