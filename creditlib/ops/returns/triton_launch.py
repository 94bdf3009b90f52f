"""Returns along tokens and turns on a GPU, and which form of the kernels runs when.

If there are enough rows to fill a GPU, one program walks each row, with more warps if the rows are
fewer. Few rows are split into chunks, in two launches: the first summarizes every chunk, the second
finishes every chunk from the numbers of those behind it. So the tokens are read twice, 26 bytes a
token in place of 17. The form depends on the number of rows alone, for packed rows also on the
number of tokens in the batch, so padding on the right changes no bit.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from creditlib.inputs.turn_order import refuse_unordered_turns
from creditlib.ops.backend.triton_tensors import bits, compile_options, on, rows, target
from creditlib.ops.precision import as_float, copy_to_out
from creditlib.ops.returns.triton_chunks import PARTS, finish, summarize
from creditlib.ops.returns.triton_rows import turns, whole
from creditlib.ops.whiten.triton_launch import standardize_written
from creditlib.vocabulary.backends import interpreted

__all__ = ["Form", "gae", "token_returns", "turn_returns", "whitened_gae", "whitened_returns"]


class Form(NamedTuple):
    """Tokens that a program reads at a time, its warps, and chunks that it reads at a time.

    registers: the most that a thread may use, see `compile_options`.
    """

    chunk: int
    warps: int
    block: int
    registers: int = 96


# The interpreter takes time for every token of a chunk, also past the end of a row.
_SMALL = interpreted()
# From so many rows on each row has one program: about one for each multiprocessor of a large GPU.
# From MORE_ROWS on a program is small, so that several share a multiprocessor.
MANY_ROWS, MORE_ROWS = (3, 5) if _SMALL else (128, 512)
# The most programs for split packed rows. The launcher does not know the lengths of packed rows, so
# most programs of split packed rows are idle.
MOST_PROGRAMS = 16384
# By the bytes of a number that the kernels compute with.
WHOLE = {size: Form(64 if _SMALL else 4096 // size, 4, 0) for size in (4, 8)}
LARGE = {size: Form(128 if _SMALL else 8192 // size, 8, 0, 128) for size in (4, 8)}
SPLIT = {size: Form(64 if _SMALL else 8192 // size, 8, 4 if _SMALL else 128, 80) for size in (4, 8)}
TURNS = Form(16 if _SMALL else 128, 1, 0)


def token_returns(
    reward: Tensor,
    turn: Tensor,
    *,
    gamma: float,
    present: Tensor | None = None,
    offsets: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """G[t] = r[t] + gamma · G[next written token], 0 on unwritten tokens."""
    result = target(turn, torch.promote_types(reward.dtype, torch.float32), out)
    _run(reward, None, turn, None, present, offsets, (result, None), (0.0, float(gamma)))
    return copy_to_out(result, out)


def whitened_returns(
    reward: Tensor,
    turn: Tensor,
    *,
    gamma: float,
    eps: float,
    present: Tensor | None = None,
    offsets: Tensor | None = None,
    out: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """(A, G): the returns of `token_returns`, and those whitened over all written tokens."""
    first, second = (None, None) if out is None else out
    plain = token_returns(reward, turn, gamma=gamma, present=present, offsets=offsets, out=second)
    return standardize_written(plain, turn, eps, first), plain


def gae(
    reward: Tensor,
    value: Tensor,
    turn: Tensor,
    *,
    gamma: float,
    lam: float,
    bootstrap: Tensor | None = None,
    present: Tensor | None = None,
    offsets: Tensor | None = None,
    out: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """A[t] = δ[t] + gamma·lam·A[n],  δ[t] = r[t] + gamma·V[n] − V[t];  (A, A + V)."""
    dtype = torch.promote_types(as_float(reward[:0]).dtype, as_float(value[:0]).dtype)
    first, second = (None, None) if out is None else out
    result = target(turn, dtype, first), target(turn, dtype, second)
    rates = float(gamma), float(gamma * lam)
    _run(reward, value, turn, bootstrap, present, offsets, result, rates)
    return copy_to_out(result[0], first), copy_to_out(result[1], second)


def whitened_gae(
    reward: Tensor,
    value: Tensor,
    turn: Tensor,
    *,
    gamma: float,
    lam: float,
    eps: float,
    bootstrap: Tensor | None = None,
    present: Tensor | None = None,
    offsets: Tensor | None = None,
    out: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """(A, R) of `gae`, A whitened in place over all written tokens."""
    advantage, returns = gae(
        *(reward, value, turn),
        gamma=gamma,
        lam=lam,
        bootstrap=bootstrap,
        present=present,
        offsets=offsets,
        out=out,
    )
    return standardize_written(advantage, turn, eps, advantage), returns


def _run(
    reward: Tensor,
    value: Tensor | None,
    turn: Tensor,
    bootstrap: Tensor | None,
    present: Tensor | None,
    offsets: Tensor | None,
    result: tuple[Tensor, Tensor | None],
    rates: tuple[float, float],
) -> None:
    """Compute returns, with `value` advantages, into `result`: one launch, or two."""
    refuse_unordered_turns("discounted_return" if value is None else "gae", turn, offsets)
    if not turn.numel():
        return
    inputs = [None if x is None else rows(x) for x in (reward, value, turn, present)]
    each = [None if x is None else bits(x.detach().contiguous()) for x in (bootstrap, offsets)]
    count, width = turn.shape if offsets is None else (len(offsets) - 1, len(turn))
    dtype = result[0].dtype
    form, chunks = _form(dtype.itemsize, count, width, offsets is not None)
    strides = [0 if x is None or x.ndim == 1 else x.stride(0) for x in (*inputs, *result)]
    options = {
        "UNIT": rates[1] == 1,
        "ACC": tl.float64 if dtype == torch.float64 else tl.float32,
        "CHUNK": form.chunk,
        **compile_options(form.warps, form.registers),
    }
    with on(turn):
        if chunks == 1:
            whole[(count,)](*inputs, *each, *result, *strides, width, *rates, **options)
            return
        grid = (count * chunks,)
        parts = turn.new_empty(count * chunks * PARTS.value, dtype=dtype)
        summarize[grid](*inputs, *each, parts, *strides[:4], chunks, width, *rates, **options)
        finish[grid](
            *(*inputs, *each, *result, parts, *strides, chunks, width, *rates),
            BLOCK=form.block,
            **options,
        )


def _form(size: int, count: int, width: int, packed: bool) -> tuple[Form, int]:
    """The form for so many rows, and the chunks of a row; 1: one program walks each row.

    >>> _form(4, 10**6, 2**15, packed=False)[1]
    1
    """
    form = SPLIT[size]
    chunks = triton.cdiv(width, form.chunk)
    many = count >= MANY_ROWS or (packed and count * chunks > MOST_PROGRAMS)
    if not many:
        return form, chunks
    return (WHOLE if count >= MORE_ROWS else LARGE)[size], 1


def turn_returns(x: Tensor, where: Tensor, gamma: float) -> Tensor:
    """G[k] = x[k] + gamma · G[k+1] where selected, 0 elsewhere."""
    result = torch.empty(x.shape, dtype=as_float(x[:0]).dtype, device=x.device)
    if not x.numel():
        return result.to(x.dtype)
    x, where = rows(x), rows(where)
    strides = x.stride(0), where.stride(0), result.stride(0)
    with on(x):
        turns[(x.shape[0],)](
            *(x, where, result, *strides, x.shape[1], float(gamma)),
            ACC=tl.float64 if result.dtype == torch.float64 else tl.float32,
            CHUNK=TURNS.chunk,
            **compile_options(TURNS.warps, TURNS.registers),
        )
    return result.to(x.dtype)
