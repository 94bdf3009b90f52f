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

__all__ = ["cut", "reach", "shorten"]


@triton.jit
def reach(bound, count):
    """A number above every partial sum of `count` terms that are not above `bound`."""
    return bound * (2.0 * count)


@triton.jit
def shorten(x, above):
    """The multiple of the last place of `above` next to x; x itself if `above` is not finite."""
    return tl.where(above < float("inf"), (x + above) - above, x)


@triton.jit
def cut(x, above, count):
    """(coarse, fine): two pieces of x. Pieces of one kind add up without rounding."""
    coarse = shorten(x, above)
    rest = tl.where(coarse == x, 0.0, x - coarse)
    # The rest is below the last place of `above`, which is 2**-52 of it.
    return coarse, shorten(rest, above * (count * 2.0**-51))
