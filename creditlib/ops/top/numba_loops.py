"""The highest tokens of a row as compiled loops: no row is sorted.

The bits of floats are integers in the same order. An interval of integers that holds the key of the
last token that is taken is halved; each time the keys above its middle are counted, many at once.
"""

# pyright: reportUntypedFunctionDecorator=false, reportMissingTypeStubs=false

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.inputs.turn_order import refuse_unordered_turns
from creditlib.ops.backend.numba_arrays import array, bounds
from creditlib.ops.backend.numba_compile import compiled
from creditlib.ops.backend.openmp import parallel_rows
from creditlib.ops.precision import as_float
from creditlib.ops.top.reference import ROUNDING

__all__ = ["top_mask"]

_ONE = np.uintp(1)
_FEWER = 8  # keys outside of the interval are dropped once one of so many is inside
_SAMPLE, _SAMPLED = 64, 1024  # keys of a sample; rows of so many tokens are sampled
_LESS = 1.0 - ROUNDING


@compiled
def _goes_back(first: Any, last: Any, turn: Any, bound: Any) -> Any:
    """Whether an id is below that of the token before it."""
    kind = turn.dtype.type
    back = kind(0)
    for i in range(first, last):
        for u in range(np.uintp(bound[i]) + _ONE, np.uintp(bound[i + 1])):
            who = turn[u]
            back = kind(back | kind((who >= 0) & (who < turn[u - _ONE])))
    return back > 0


@compiled
def _row_keys(start: Any, size: Any, bits: Any, turn: Any, top: Any, sign: Any, key: Any) -> Any:
    """Write integers in the order of the scores; returns how many tokens were written.

    -0.0 is 0.0. Tokens that the policy did not write get the lowest integer.
    """
    kind = key.dtype.type
    count = np.int32(0)
    for t in range(size):
        own, written = bits[start + t], turn[start + t] >= 0
        own = kind(own ^ ((own >> sign) & top))
        own = kind(0) if own == kind(-1) else own  # -1 is -0.0
        key[t] = own if written else kind(~top)
        count += np.int32(written)
    return np.int64(count)


@compiled
def _above(size: Any, key: Any, edge: Any) -> Any:
    """How many keys are above an edge."""
    kind = key.dtype.type
    count = kind(0)
    for t in range(size):
        count += kind(1) if key[t] > edge else kind(0)
    return np.int64(count)


@compiled
def _between(size: Any, key: Any, low: Any, high: Any, kept: Any, plain: Any) -> Any:
    """Move the keys in [low, high] together; returns (how many there are, how many lie above).

    `kept` may be `key`. `plain` is an array of unsigned integers, in which one comparison does for
    both ends.
    """
    unsigned, rest, above = plain.dtype.type, np.uintp(0), np.uintp(0)
    span = unsigned(high - low)
    for t in range(size):
        value = key[t]
        kept[rest] = value
        rest += np.uintp(unsigned(value - low) <= span)
        above += np.uintp(value > high)
    return rest, np.int64(above)


@compiled
def _middle(low: Any, high: Any) -> Any:
    """The integer half way; the sum of both could overflow."""
    return (low >> 1) + (high >> 1) + (low & high & 1)


@compiled
def _of_sample(size: Any, key: Any, taken: Any, low: Any, sample: Any) -> Any:
    """(a key that is likely lower than the last one taken, one that is likely higher).

    They are keys of a sample, three standard deviations from the place of that key in it.
    """
    kind, count = key.dtype.type, np.int64(len(sample))
    step = size // np.uintp(count)
    for t in range(np.uintp(count)):
        sample[t] = key[t * step]
    place = count * taken / size
    away = 3.0 * math.sqrt(place * (1.0 - taken / size)) + 1.0
    lower, higher = low, kind(~low)
    for side in range(2):
        rank = np.int64(place + away) if side == 0 else np.int64(place - away)
        if rank < 1 or rank > count:
            continue
        a, b = lower, higher
        while a < b:  # the key of that rank, which is not below the one that was found before
            middle = kind(_middle(a, b))
            if _above(np.uintp(count), sample, middle) >= rank:
                a = kind(middle + 1)
            else:
                b = middle
        lower, higher = (a, higher) if side == 0 else (lower, a)
    return lower, higher


@compiled
def _smallest_taken(
    size: Any, key: Any, taken: Any, low: Any, kept: Any, sample: Any, plain: Any
) -> Any:
    """(key of the last token that is taken, how many tokens of that key are).

    An interval, first that of a sample, is halved until it holds no other key. Keys outside are
    dropped now and then, so that each count reads fewer.
    """
    kind, high = key.dtype.type, key.dtype.type(~low)
    here, count = key, size
    if size >= _SAMPLED:
        lower, higher = _of_sample(size, key, taken, low, sample)
        inside, over = _between(size, key, lower, higher, kept, plain)
        if over < taken <= over + np.int64(inside):
            here, count, taken, low, high = kept, inside, taken - over, lower, higher
    above, least = np.int64(0), np.int64(count)  # keys above `high`, and from `low` on
    while low < high:
        if (least - above) * _FEWER <= np.int64(count):
            count, above = _between(count, here, low, high, kept, plain)
            here, taken = kept, taken - above
            above, least = np.int64(0), np.int64(count)
        middle = kind(_middle(low, high))
        found = _above(count, here, middle)
        if found >= taken:
            low, least = kind(middle + 1), found
        else:
            high, above = middle, found
    return low, taken - above


@compiled
def _top_rows(
    first: Any,
    last: Any,
    bits: Any,
    turn: Any,
    bound: Any,
    fraction: Any,
    tops: Any,
    sign: Any,
    plain: Any,
    result: Any,
) -> None:
    """Write True at the highest tokens of each row and False elsewhere."""
    widest = 0
    for i in range(first, last):
        widest = max(widest, bound[i + 1] - bound[i])
    key, kept = np.empty(widest, dtype=tops.dtype), np.empty(widest, dtype=tops.dtype)
    sample = np.empty(_SAMPLE, dtype=tops.dtype)
    for i in range(first, last):
        start, size = np.uintp(bound[i]), np.uintp(bound[i + 1] - bound[i])
        count = _row_keys(start, size, bits, turn, tops[0], sign, key)
        taken = min(np.int64(math.ceil(count * fraction * _LESS)), count)
        if taken == 0 or taken == count:
            for t in range(size):
                result[start + t] = (turn[start + t] >= 0) & (taken > 0)
            continue
        edge, equal = _smallest_taken(size, key, taken, ~tops[0], kept, sample, plain)
        for t in range(size):
            result[start + t] = (turn[start + t] >= 0) & (key[t] > edge)
        t = np.uintp(0)
        while equal > 0 and t < size:
            if key[t] == edge and turn[start + t] >= 0:
                result[start + t] = True
                equal -= 1
            t += _ONE


def top_mask(
    score: Tensor,
    turn: Tensor,
    fraction: float,
    whole: bool,
    offsets: Tensor | None = None,
) -> Tensor:
    """The highest tokens, as compiled loops."""
    values, ids, bound = array(as_float(score)), array(turn), bounds(turn, offsets)
    if any(parallel_rows(_goes_back, len(bound) - 1, turn.numel(), ids, bound)):
        refuse_unordered_turns("top_fraction", turn, offsets)
    result = torch.empty(turn.shape, dtype=torch.bool, device="cpu")
    if whole:
        bound = np.array([0, turn.numel()], dtype=np.int64)
    kind = np.int32 if values.dtype == np.float32 else np.int64
    tops, sign = np.array([np.iinfo(kind).max], dtype=kind), kind(values.itemsize * 8 - 1)
    plain = tops.view(np.uint32 if kind is np.int32 else np.uint64)
    given = (values.view(kind), ids, bound, fraction, tops, sign, plain)
    parallel_rows(_top_rows, len(bound) - 1, turn.numel(), *given, result.numpy().reshape(-1))
    return result
