"""Weighted moments and whitening as compiled loops over rows.

The first pass over the values finds the smallest and the largest: they tell how coarse the pieces
are that float64 adds without rounding (`precision.reproducible_sum`). The second pass adds them. So
neither order nor padding changes a bit, and the mean of equal values is exactly their value.
"""

# pyright: reportUntypedFunctionDecorator=false, reportMissingTypeStubs=false

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from creditlib.ops.backend.numba_arrays import array, target
from creditlib.ops.backend.numba_compile import compiled
from creditlib.ops.backend.openmp import parallel_rows
from creditlib.ops.precision import copy_to_out
from creditlib.ops.whiten.reference import refuse_not_finite

__all__ = ["edges", "keys", "moments", "moments_of", "span", "standardize", "whiten_rows"]

Array = np.ndarray[Any, Any]


# Exact sums may be added in any order: so marked they are computed several at a time. The mark
# holds for this addition alone.
@numba.njit(fastmath={"reassoc", "nsz"})
def _add(a: Any, b: Any) -> Any:
    return a + b


@compiled
def edges(
    first: Any, last: Any, x: Any, weight: Any, least: Any, bound: Any, top: Any, sign: Any
) -> Any:
    """(how many count, smallest, largest) where weight > least, as integers in the same order.

    The bits of a float, all but the sign flipped where it is negative, are an integer that is in
    order with the others; NaN lies beyond the infinities. Extremes of integers are computed many
    at a time, those of floats are not.
    """
    count, low, high = 0, top, ~top
    for i in range(first, last):
        found = np.int32(0)
        for u in range(np.uintp(bound[i]), np.uintp(bound[i + 1])):
            takes, bits = weight[u] > least, x[u]
            key = bits ^ ((bits >> sign) & top)
            found += np.int32(1) if takes else np.int32(0)
            smaller = key if takes else top
            larger = key if takes else ~top
            low = smaller if smaller < low else low
            high = larger if larger > high else high
        count += found
    return count, low, high


@compiled
def _heaviest(first: Any, last: Any, weight: Any, bound: Any) -> Any:
    heaviest = 0.0
    for u in range(np.uintp(bound[first]), np.uintp(bound[last])):
        if weight[u] > heaviest:
            heaviest = np.float64(weight[u])
    return heaviest


@compiled
def _sums(
    first: Any, last: Any, x: Any, weight: Any, least: Any, bound: Any, low: Any, above: Any
) -> Any:
    """Σ s and Σ s² of s = x − low, each as the sum of its coarse pieces and of its fine ones."""
    coarse, fine, coarse2, fine2 = 0.0, 0.0, 0.0, 0.0
    a1, a2, b1, b2 = above[0], above[1], above[2], above[3]
    for u in range(np.uintp(bound[first]), np.uintp(bound[last])):
        s = np.float64(x[u]) - low if weight[u] > least else 0.0
        square = s * s
        piece = (s + a1) - a1
        coarse = _add(coarse, piece)
        fine = _add(fine, ((s - piece) + a2) - a2)
        piece = (square + b1) - b1
        coarse2 = _add(coarse2, piece)
        fine2 = _add(fine2, ((square - piece) + b2) - b2)
    return coarse, fine, coarse2, fine2


@compiled
def _weighted_sums(
    first: Any, last: Any, x: Any, weight: Any, least: Any, bound: Any, low: Any, above: Any
) -> Any:
    """Σ w s, Σ w s² and Σ w, in pieces as in `_sums`."""
    total = np.zeros(6)
    for u in range(np.uintp(bound[first]), np.uintp(bound[last])):
        row_weight = np.float64(weight[u])
        if row_weight > least:
            s = np.float64(x[u]) - low
            for k, term in enumerate((row_weight * s, row_weight * (s * s), row_weight)):
                piece = (term + above[2 * k]) - above[2 * k]
                total[2 * k] += piece
                total[2 * k + 1] += ((term - piece) + above[2 * k + 1]) - above[2 * k + 1]
    return total[0], total[1], total[2], total[3], total[4], total[5]


@compiled
def whiten_rows(
    first: Any,
    last: Any,
    x: Any,
    weight: Any,
    least: Any,
    bound: Any,
    mean: Any,
    rstd: Any,
    result: Any,
) -> None:
    """(x − mean) · rstd where weight > least, 0 elsewhere."""
    for u in range(np.uintp(bound[first]), np.uintp(bound[last])):
        away = (np.float64(x[u]) - mean) * rstd
        result[u] = away if weight[u] > least else 0.0


def _pieces(count: int, largest: float) -> tuple[float, float]:
    """What to add and take away to cut terms into pieces: see `precision.reproducible_sum`."""
    coarse = 2.0 * count * largest
    return coarse, 2.0 * count * coarse * 2.0**-52


def _added(parts: list[tuple[float, ...]]) -> list[Fraction]:
    """The exact sums: float64 adds the pieces without rounding."""
    totals = [sum(column) for column in zip(*parts, strict=True)]
    return [Fraction(a) + Fraction(b) for a, b in zip(totals[::2], totals[1::2], strict=True)]


def keys(x: Array) -> tuple[Array, Any, Any]:
    """The bits of floats as integers, the largest of these, and how far the sign bit lies.

    >>> int(keys(np.zeros(1, dtype=np.float32))[2])
    31
    """
    whole = np.int32 if x.dtype == np.float32 else np.int64
    return x.view(whole), whole(np.iinfo(whole).max), whole(x.itemsize * 8 - 1)


def span(x: Array, parts: list[Any]) -> tuple[int, float, float]:
    """(how many count, smallest, largest) from what `edges` found in runs of rows; NaN if any is.

    >>> span(np.zeros(1, dtype=np.float32), [(1, np.int32(0), np.int32(0))])
    (1, 0.0, 0.0)
    """
    bits, top, sign = keys(x)
    ends = np.array([min(p[1] for p in parts), max(p[2] for p in parts)], dtype=bits.dtype)
    low, high = (ends ^ ((ends >> sign) & top)).view(x.dtype).tolist()
    return sum(part[0] for part in parts), low, high


def moments_of(
    x: Array,
    weight: Array,
    least: int,
    bound: Array,
    eps: float,
    *,
    mask: bool,
    parts: list[Any] | None = None,
) -> tuple[float, float]:
    """(mean, rstd) of x where weight > least; `mask`: each counts once, not `weight` times.

    `parts`: what `edges` found in runs of rows, if somebody has looked already.
    """
    rows = len(bound) - 1
    if parts is None:
        bits, top, sign = keys(x)
        parts = parallel_rows(edges, rows, len(x), bits, weight, least, bound, top, sign)
    count, low, high = span(x, parts)
    if not count:
        return 0.0, eps**-0.5 if eps else 0.0
    if not math.isfinite(high - low):
        return math.nan, math.nan
    heaviest = 1.0 if mask else max(parallel_rows(_heaviest, rows, len(x), weight, bound))
    width = high - low
    if not math.isfinite(2.0 * count * heaviest * width * width):  # squares would overflow
        return math.nan, math.nan
    above = [_pieces(count, heaviest * width), _pieces(count, heaviest * width * width)]
    cuts = np.array([*above, _pieces(count, heaviest)]).reshape(-1)
    work = _sums if mask else _weighted_sums
    total, square, *rest = _added(
        parallel_rows(work, rows, len(x), x, weight, least, bound, low, cuts)
    )
    mass = rest[0] if rest else Fraction(count)
    variance = float((square - total * total / mass) / (mass - 1)) if mass > 1 else 0.0
    variance = max(variance, 0.0)
    rstd = (variance + eps) ** -0.5 if variance + eps > 0 else 0.0
    return float(Fraction(low) + total / mass), rstd


def _flat_bounds(x: Tensor) -> Array:
    rows, width = (1, x.shape[0]) if x.ndim == 1 else x.shape
    return np.arange(rows + 1, dtype=np.int64) * width


def _moments(x: Tensor, weight: Tensor, eps: float) -> tuple[float, float]:
    mask = weight.dtype == torch.bool
    found = moments_of(array(x), array(weight), 0, _flat_bounds(x), eps, mask=mask)
    if not math.isfinite(found[0]):
        refuse_not_finite(x, weight)
    return found


def moments(x: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Mean and reciprocal deviation under weights, as compiled loops."""
    mean, rstd = _moments(x, weight, eps)
    return torch.tensor(mean, dtype=torch.float64, device="cpu"), torch.tensor(
        rstd, dtype=torch.float64, device="cpu"
    )


def standardize(x: Tensor, weight: Tensor, eps: float, out: Tensor | None = None) -> Tensor:
    """Values standardized under weights, as compiled loops."""
    mean, rstd = _moments(x, weight, eps)
    result, bound = target(x, x.dtype, out), _flat_bounds(x)
    arrays = array(x), array(weight), 0, bound, mean, rstd, array(result)
    parallel_rows(whiten_rows, len(bound) - 1, x.numel(), *arrays)
    return copy_to_out(result, out)
