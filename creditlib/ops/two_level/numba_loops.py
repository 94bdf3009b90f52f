"""GAE of two levels as a compiled loop, one walk over each row from its end.

The arithmetic is in float64, on written tokens in their order: neither padding nor its side nor a
gap changes a bit. Each row is a program of its own, so threads change none either.
"""

# pyright: reportUntypedFunctionDecorator=false, reportMissingTypeStubs=false

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.inputs.turn_order import refuse_unordered_turns
from creditlib.ops.backend.numba_arrays import array, bounds, target
from creditlib.ops.backend.numba_compile import compiled
from creditlib.ops.backend.openmp import parallel_rows
from creditlib.ops.precision import as_float, copy_to_out
from creditlib.ops.returns.numba_loops import counting
from creditlib.ops.returns.numba_rows import ALL, BETWEEN, PRESENT
from creditlib.ops.two_level.reference import rates_of

__all__ = ["two_level_gae", "two_level_rows"]

_compiled = functools.partial(compiled, fastmath={"contract"})
# Above every turn id: a row is walked from its end.
_LAST_ID = np.iinfo(np.int64).max


@_compiled
def two_level_rows(
    first: Any,
    last: Any,
    reward: Any,
    value: Any,
    turn: Any,
    present: Any,
    mode: Any,
    bootstrap: Any,
    bound: Any,
    rates: Any,
    advantage: Any,
    returns: Any,
) -> Any:
    """Returns whether an id went back along its row; `rates` are those of `rates_of`, in a row."""
    back = False
    for i in range(first, last):
        start, t = bound[i], bound[i + 1] - 1
        gap, ahead, carry, lowest = 0.0, bootstrap[i], 0.0, -1
        later = _LAST_ID
        gamma, decay = rates[4], rates[5]  # those after the last token of the row
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
                if who != later:
                    back |= who > later
                    if lowest >= 0:
                        gamma, decay = rates[2], rates[3]
                    later = who
                here = np.float64(value[u])
                delta = (np.float64(reward[u]) + gap) + (gamma * ahead - here)
                carry = delta + decay * carry
                gap, ahead, lowest = 0.0, here, t
                gamma, decay = rates[0], rates[1]
                advantage[u] = carry
                returns[u] = carry + here
                t -= 1
        # What lies before the first written token is earned by it.
        if mode != BETWEEN and lowest >= 0:
            advantage[lowest] = carry + gap
            returns[lowest] = (carry + gap) + ahead
    return back


def two_level_gae(
    reward: Tensor,
    value: Tensor,
    turn: Tensor,
    *,
    gamma: float,
    lam: float,
    turn_gamma: float,
    turn_lam: float,
    restart: bool = False,
    bootstrap: Tensor | None = None,
    present: Tensor | None = None,
    offsets: Tensor | None = None,
    out: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Advantages and returns of GAE of two levels, as a compiled loop."""
    first, second = (None, None) if out is None else out
    dtype = torch.promote_types(as_float(reward[:0]).dtype, as_float(value[:0]).dtype)
    advantage, returns = target(turn, dtype, first), target(turn, dtype, second)
    bound = bounds(turn, offsets)
    last = np.zeros(len(bound) - 1) if bootstrap is None else array(bootstrap.to(torch.float64))
    rates = np.array(rates_of(gamma, lam, turn_gamma, turn_lam, restart)).reshape(-1)
    tokens = array(reward), array(value), array(turn), *counting(present, offsets)
    arguments = *tokens, last, bound, rates, array(advantage), array(returns)
    if any(parallel_rows(two_level_rows, len(bound) - 1, turn.numel(), *arguments)):
        refuse_unordered_turns("two_level_gae", turn, offsets)
    return copy_to_out(advantage, first), copy_to_out(returns, second)
