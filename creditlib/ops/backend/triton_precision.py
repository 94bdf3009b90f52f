"""Sums in float64 that are the same bits in any order, for kernels: as `reproducible_sum`.

Each term is cut at the last place of a number above the whole sum, and what is cut off is cut a
second time. All pieces of one cut are multiples of one number, so float64 adds them without
rounding. Neither blocks, programs, padding nor order changes a bit, and partial sums may be added
in any order.
"""

# pyright: basic

from __future__ import annotations

import triton
import triton.language as tl

__all__ = ["cut", "cut_finite", "reach", "shorten"]


@triton.jit
def reach(bound, count):
    """A number above every partial sum of `count` terms that are not above `bound`.

    It is 0 where such a number would not be finite: nothing is cut then.
    """
    above = bound * (2.0 * count)
    return tl.where(above < float("inf"), above, 0.0)


@triton.jit
def shorten(x, above):
    """The multiple of the last place of `above` next to x; x itself if `above` is 0."""
    return (x + above) - above


@triton.jit
def cut_finite(x, above, count):
    """(coarse, fine): two pieces of a finite x. Pieces of one kind add up without rounding.

    The fine piece of an infinite x is NaN.
    """
    coarse = shorten(x, above)
    # The rest is below the last place of `above`, which is 2**-52 of it.
    return coarse, shorten(x - coarse, above * (count * 2.0**-51))


@triton.jit
def cut(x, above, count):
    """`cut_finite` of any x: an infinite one has no fine piece, so the sum is infinite."""
    coarse = shorten(x, above)
    rest = tl.where(coarse == x, 0.0, x - coarse)
    return coarse, shorten(rest, above * (count * 2.0**-51))
