"""Compiled loops of returns over tokens, one walk over each row from its end.

Only written tokens enter the arithmetic, in float64 and in their order: neither padding nor its
side nor a gap changes a bit. Each row is a program of its own, so threads change none either.
"""

# pyright: reportUntypedFunctionDecorator=false, reportMissingTypeStubs=false

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from creditlib.ops.backend.numba_compile import compiled
from creditlib.ops.whiten.numba_loops import edges

__all__ = [
    "ALL",
    "BETWEEN",
    "PRESENT",
    "gae_and_edges",
    "gae_rows",
    "return_rows",
    "returns_and_edges",
    "turn_rows",
]

_compiled = functools.partial(compiled, fastmath={"contract"})

# Which rewards of unwritten tokens count: those between written tokens, all, or those present.
BETWEEN, ALL, PRESENT = 0, 1, 2
# Above every turn id: a row is walked from its end.
_LAST_ID = np.iinfo(np.int64).max


@_compiled
def gae_rows(
    first: Any,
    last: Any,
    reward: Any,
    value: Any,
    turn: Any,
    present: Any,
    mode: Any,
    bootstrap: Any,
    bound: Any,
    gamma: Any,
    decay: Any,
    advantage: Any,
    returns: Any,
) -> Any:
    """Returns whether an id went back along its row."""
    back = False
    for i in range(first, last):
        start, t = bound[i], bound[i + 1] - 1
        gap, ahead, carry, lowest = 0.0, bootstrap[i], 0.0, -1
        later = _LAST_ID
        while t >= start:
            # An unsigned index spares the check for indices that count from the end.
            while t >= start and turn[np.uintp(t)] < 0:
                u = np.uintp(t)
                advantage[u] = 0.0
                returns[u] = 0.0
                if (
                    mode == ALL
                    or (mode == BETWEEN and lowest >= 0)
                    or (mode == PRESENT and present[u])
                ):
                    found = np.float64(reward[u])
                    if not np.isnan(found):
                        gap += found
                t -= 1
            while t >= start and turn[np.uintp(t)] >= 0:
                u = np.uintp(t)
                who = np.int64(turn[u])
                back |= who > later
                later = who
                here = np.float64(value[u])
                delta = (np.float64(reward[u]) + gap) + (gamma * ahead - here)
                carry = delta + decay * carry
                gap, ahead, lowest = 0.0, here, t
                advantage[u] = carry
                returns[u] = carry + here
                t -= 1
        # What lies before the first written token is earned by it.
        if mode != BETWEEN and lowest >= 0:
            advantage[lowest] = carry + gap
            returns[lowest] = (carry + gap) + ahead
    return back


@_compiled
def return_rows(
    first: Any,
    last: Any,
    reward: Any,
    turn: Any,
    present: Any,
    mode: Any,
    bound: Any,
    gamma: Any,
    returns: Any,
) -> Any:
    """Returns whether an id went back along its row."""
    back = False
    for i in range(first, last):
        start, t = bound[i], bound[i + 1] - 1
        gap, carry, lowest = 0.0, 0.0, -1
        later = _LAST_ID
        while t >= start:
            while t >= start and turn[np.uintp(t)] < 0:
                u = np.uintp(t)
                returns[u] = 0.0
                if (
                    mode == ALL
                    or (mode == BETWEEN and lowest >= 0)
                    or (mode == PRESENT and present[u])
                ):
                    found = np.float64(reward[u])
                    if not np.isnan(found):
                        gap += found
                t -= 1
            while t >= start and turn[np.uintp(t)] >= 0:
                u = np.uintp(t)
                who = np.int64(turn[u])
                back |= who > later
                later = who
                carry = (np.float64(reward[u]) + gap) + gamma * carry
                gap, lowest = 0.0, t
                returns[u] = carry
                t -= 1
        if mode != BETWEEN and lowest >= 0:
            returns[lowest] = carry + gap
    return back


@_compiled
def returns_and_edges(
    first: Any,
    last: Any,
    reward: Any,
    turn: Any,
    present: Any,
    mode: Any,
    bound: Any,
    gamma: Any,
    returns: Any,
    bits: Any,
    top: Any,
    sign: Any,
) -> Any:
    """Returns, and the extremes that whitening asks for, found while a row is still at hand."""
    count, low, high, back = 0, top, ~top, False
    for i in range(first, last):
        back |= return_rows(i, i + 1, reward, turn, present, mode, bound, gamma, returns)
        found, smaller, larger = edges(i, i + 1, bits, turn, -1, bound, top, sign)
        count += found
        low, high = min(low, smaller), max(high, larger)
    return count, low, high, back


@_compiled
def gae_and_edges(
    first: Any,
    last: Any,
    reward: Any,
    value: Any,
    turn: Any,
    present: Any,
    mode: Any,
    bootstrap: Any,
    bound: Any,
    gamma: Any,
    decay: Any,
    advantage: Any,
    returns: Any,
    bits: Any,
    top: Any,
    sign: Any,
) -> Any:
    """Advantages, and their extremes as in `returns_and_edges`."""
    count, low, high, back = 0, top, ~top, False
    given = reward, value, turn, present, mode, bootstrap, bound, gamma, decay, advantage, returns
    for i in range(first, last):
        back |= gae_rows(i, i + 1, *given)
        found, smaller, larger = edges(i, i + 1, bits, turn, -1, bound, top, sign)
        count += found
        low, high = min(low, smaller), max(high, larger)
    return count, low, high, back


@_compiled
def turn_rows(x: Any, where: Any, gamma: Any, result: Any) -> None:
    """The discounted sum of a turn and those after it, 0 at turns that are not selected."""
    for i in range(x.shape[0]):
        carry = 0.0
        for k in range(x.shape[1] - 1, -1, -1):
            if where[i, k]:
                carry = x[i, k] + gamma * carry
                result[i, k] = carry
            else:
                carry = 0.0
                result[i, k] = 0.0
