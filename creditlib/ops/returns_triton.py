"""Twins of the returns along tokens and turns in Triton; which form of the kernels runs when.

Rows that fill a GPU are walked by one program each. Fewer rows are split into chunks, in two
launches: every chunk is summed up, then every chunk is finished from the sums of those behind it.
The form follows from the number of rows alone, for packed rows also from the tokens of the batch:
padding on the right changes no bit.
"""

# pyright: reportIndexIssue=false

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from creditlib.ops import _chunks_triton, _rows_triton, dispatch
from creditlib.ops._tiles_triton import OPTIONS, Kernel, on, rows, target
from creditlib.ops.precision import as_float, written
from creditlib.ops.whitening_triton import standardize_written

__all__ = ["KERNELS", "Form", "gae", "token_returns", "turn_returns", "whitened_returns"]


class Form(NamedTuple):
    """Tokens that a program takes at a time, warps, and chunks looked at at a time."""

    chunk: int
    warps: int
    block: int


# In the interpreter every token costs, also one that is not there.
_SMALL = dispatch.interpreted()
# Rows from which on each has a program of its own, and the programs that packed rows may take:
# how long a packed row is only the GPU knows, so most programs of split packed rows find nothing.
MANY_ROWS, MOST_PROGRAMS = 3 if _SMALL else 512, 16384
# By bytes of the numbers computed with.
WHOLE = {size: Form(64 if _SMALL else 4096 // size, 4, 0) for size in (4, 8)}
SPLIT = {size: Form(64 if _SMALL else 8192 // size, 8, 4 if _SMALL else 128) for size in (4, 8)}
TURNS = Form(16 if _SMALL else 128, 1, 0)
# Kernels are typed as the functions that they are made of: here they are launched.
_ROWS: Any = _rows_triton
_CHUNKS: Any = _chunks_triton


def token_returns(
    reward: Tensor,
    turn: Tensor,
    *,
    gamma: float,
    present: Tensor | None = None,
    offsets: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """As the reference."""
    result = target(turn, torch.promote_types(reward.dtype, torch.float32), out)
    _run(reward, None, turn, None, present, offsets, (result, None), (0.0, float(gamma)))
    return written(result, out)


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
    """As the reference."""
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
    """As the reference."""
    dtype = torch.promote_types(as_float(reward[:0]).dtype, as_float(value[:0]).dtype)
    first, second = (None, None) if out is None else out
    result = target(turn, dtype, first), target(turn, dtype, second)
    rates = float(gamma), float(gamma * lam)
    _run(reward, value, turn, bootstrap, present, offsets, result, rates)
    return written(result[0], first), written(result[1], second)


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
    """One launch, or two."""
    if not turn.numel():
        return
    inputs = [None if x is None else rows(x) for x in (reward, value, turn, present)]
    each = [None if x is None else x.detach().contiguous() for x in (bootstrap, offsets)]
    count, width = turn.shape if offsets is None else (len(offsets) - 1, len(turn))
    dtype = result[0].dtype
    form, chunks = _form(dtype.itemsize, count, width, offsets is not None)
    strides = [0 if x is None or x.ndim == 1 else x.stride(0) for x in (*inputs, *result)]
    options = {
        "UNIT": rates[1] == 1,
        "ACC": tl.float64 if dtype == torch.float64 else tl.float32,
        "CHUNK": form.chunk,
        "num_warps": form.warps,
        **OPTIONS,
    }
    with on(turn):
        if chunks == 1:
            _ROWS.whole[(count,)](*inputs, *each, *result, *strides, width, *rates, **options)
            return
        grid = (count * chunks,)
        parts = turn.new_empty(count * chunks * _chunks_triton.PARTS.value, dtype=dtype)
        _CHUNKS.summarize[grid](
            *inputs, *each, parts, *strides[:4], chunks, width, *rates, **options
        )
        _CHUNKS.finish[grid](
            *(*inputs, *each, *result, parts, *strides, chunks, width, *rates),
            BLOCK=form.block,
            **options,
        )


def _form(size: int, count: int, width: int, packed: bool) -> tuple[Form, int]:
    """The form for so many rows, and chunks of a row; 1: one program walks a row.

    >>> _form(4, 10**6, 2**15, packed=False)[1]
    1
    """
    form = SPLIT[size]
    chunks = triton.cdiv(width, form.chunk)
    many = count >= MANY_ROWS or (packed and count * chunks > MOST_PROGRAMS)
    return (WHOLE[size], 1) if many else (form, chunks)


def turn_returns(x: Tensor, real: Tensor, gamma: float) -> Tensor:
    """As the reference."""
    result = torch.empty(x.shape, dtype=as_float(x[:0]).dtype, device=x.device)
    if not x.numel():
        return result.to(x.dtype)
    x, real = rows(x), rows(real)
    strides = x.stride(0), real.stride(0), result.stride(0)
    with on(x):
        _ROWS.turns[(x.shape[0],)](
            *(x, real, result, *strides, x.shape[1], float(gamma)),
            ACC=tl.float64 if result.dtype == torch.float64 else tl.float32,
            CHUNK=TURNS.chunk,
            num_warps=TURNS.warps,
            **OPTIONS,
        )
    return result.to(x.dtype)


def _entry(
    function: str,
    form: Form,
    layout: str,
    *,
    kind: str = "fp32",
    turn: str = "i16",
    critic: bool = True,
    unit: bool = False,
    everywhere: bool = False,
) -> Kernel:
    """A form of the kernels over tokens, for the compiler."""
    jitted = getattr(_ROWS if function == "whole" else _CHUNKS, function)
    names: list[str] = jitted.arg_names
    acc = "fp64" if kind == "fp64" else "fp32"
    given = dict.fromkeys(("reward", "value"), f"*{kind}") | {"turn": f"*{turn}"}
    given |= {"present": "*u8", "bootstrap": "*fp32", "offsets": "*i64"}
    given |= dict.fromkeys(("advantage", "returns", "parts"), f"*{acc}")
    given |= {name: "i32" for name in names if name.endswith(("stride", "width", "chunks"))}
    given |= {"gamma": "fp64", "decay": "fp64"}
    without = {"present", "offsets"} - {{"present": "present", "packed": "offsets"}.get(layout, "")}
    without |= set() if critic else {"value", "bootstrap", "returns"}
    constants = {"UNIT": unit, "ACC": _ACC[acc], "CHUNK": form.chunk, "BLOCK": form.block}
    constants |= dict.fromkeys(without)
    kind = kind if critic else f"{kind} returns"
    return Kernel(
        name=f"{function} {form.chunk} {layout} {kind} {turn}{' unit' * unit}",
        function=jitted,
        signature={name: given[name] for name in names if name in given and name not in without},
        constants={name: constants[name] for name in names if name in constants},
        warps=form.warps,
        aligned=tuple(name for name in names if name in given and name not in _ANY | without),
        demands=_WIDE[function],
        narrow=None if layout == "packed" else _NARROW[function],
        targets=(80, 90, 100) if everywhere else (90,),
    )


_ACC = {"fp32": tl.float32, "fp64": tl.float64}
_ANY = {"gamma", "decay", "chunks"}
_WIDE = {
    "whole": ("LDG.E.128", "STG.E.128"),
    "summarize": ("LDG.E.128",),
    "finish": ("LDG.E.128", "STG.E.128"),
}
# The bootstrap and rewards before the first written token, the numbers of a chunk, both and those
# of other chunks. The ends of packed rows are read and written token by token.
_NARROW = {"whole": 3, "summarize": 7, "finish": 12}

KERNELS = [
    *(_entry("whole", WHOLE[4], layout) for layout in ("padded", "present", "packed")),
    _entry("whole", SPLIT[4], "padded"),
    *(_entry(name, SPLIT[4], "padded", everywhere=True) for name in ("summarize", "finish")),
    *(_entry(name, SPLIT[4], "packed") for name in ("summarize", "finish")),
    _entry("finish", SPLIT[4], "present"),
    _entry("whole", WHOLE[4], "padded", critic=False, unit=True, everywhere=True),
    *(_entry("whole", WHOLE[4], layout, critic=False) for layout in ("padded", "present")),
    _entry("summarize", SPLIT[4], "padded", critic=False, unit=True),
    _entry("finish", SPLIT[4], "present", critic=False, unit=True),
    _entry("whole", WHOLE[4], "padded", kind="bf16", turn="i8", everywhere=True),
    _entry("whole", WHOLE[4], "padded", kind="fp16", turn="i64"),
    _entry("whole", WHOLE[8], "padded", kind="fp64", turn="i64", everywhere=True),
    _entry("summarize", SPLIT[8], "present", kind="fp64", turn="i64"),
    _entry("finish", SPLIT[8], "present", kind="fp64", turn="i64"),
    *(
        Kernel(
            name=f"turns {TURNS.chunk} {kind}",
            function=_rows_triton.turns,
            signature={"x": f"*{kind}", "real": "*u8", "result": f"*{kind}", "gamma": "fp64"}
            | dict.fromkeys(("stride", "real_stride", "result_stride", "width"), "i32"),
            constants={"ACC": _ACC[kind], "CHUNK": TURNS.chunk},
            warps=TURNS.warps,
        )
        for kind in _ACC
    ),
]
