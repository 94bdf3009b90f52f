"""GAE whose discounts change where one turn ends and the next one begins."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.inputs.turn_order import refuse_unordered_turns
from creditlib.ops.precision import as_float, copy_to_out
from creditlib.ops.returns.reference import carried, find_gaps, value_ahead, written_rewards
from creditlib.ops.scans.reference import shift_left

__all__ = ["Rates", "next_token", "rates_of", "two_level_gae"]

# The discount of the value ahead, and that of the advantage ahead.
Rates = tuple[float, float]


def rates_of(
    gamma: float, lam: float, turn_gamma: float, turn_lam: float, restart: bool
) -> tuple[Rates, Rates, Rates]:
    """The rates after a token inside a turn, after the last one of a turn, and of a row.

    >>> rates_of(1.0, 0.5, 0.5, 0.5, restart=False)
    ((1.0, 0.5), (0.5, 0.25), (0.5, 0.25))
    >>> rates_of(1.0, 0.5, 0.5, 0.5, restart=True)
    ((1.0, 0.5), (0.0, 0.0), (1.0, 0.0))
    """
    within = float(gamma), float(gamma) * float(lam)
    if restart:
        return within, (0.0, 0.0), (within[0], 0.0)
    across = float(turn_gamma), float(turn_gamma) * float(turn_lam)
    return within, across, across


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
    """(A, A + V) of `gae` with `turn_gamma` and `turn_lam` after the last token of a turn.

    restart: nothing is carried from one turn to the one before it.

    >>> r, v = torch.tensor([[0.0, 0.0, 1.0]]), torch.zeros(1, 3)
    >>> rates = {"gamma": 1.0, "lam": 1.0, "turn_gamma": 0.5, "turn_lam": 1.0}
    >>> two_level_gae(r, v, torch.tensor([[0, 0, 1]]), **rates)[0]
    tensor([[0.5000, 0.5000, 1.0000]])
    """
    refuse_unordered_turns("two_level_gae", turn, offsets)
    dtype = torch.promote_types(as_float(reward[:0]).dtype, as_float(value[:0]).dtype)
    value = torch.where(turn >= 0, value.to(dtype), torch.zeros_like(value, dtype=dtype))
    inside, ends = next_token(turn, offsets)
    rate, decay = (
        torch.where(
            inside,
            torch.full_like(value, within),
            torch.where(ends, torch.full_like(value, last), torch.full_like(value, across)),
        )
        for within, across, last in zip(
            *rates_of(gamma, lam, turn_gamma, turn_lam, restart), strict=True
        )
    )
    delta = written_rewards(reward.to(dtype), turn, present, offsets)
    delta = delta + rate * value_ahead(value, turn, bootstrap, offsets) - value
    delta = torch.where(turn >= 0, delta, torch.zeros_like(delta))
    advantage = carried(delta, turn, decay, offsets)
    first, second = (None, None) if out is None else out
    return copy_to_out(advantage, first), copy_to_out(advantage + value, second)


def next_token(turn: Tensor, offsets: Tensor | None) -> tuple[Tensor, Tensor]:
    """(inside, ends): the next written token is of the same turn; the row has no next one.

    >>> inside, ends = next_token(torch.tensor([[0, -1, 0, 1]]), None)
    >>> inside.tolist(), ends.tolist()
    ([[True, False, False, False]], [[False, False, False, True]])
    """
    gaps, width = find_gaps(turn, offsets), turn.shape[-1]
    after = shift_left(gaps.following, 1, width)
    ends = after >= gaps.end
    if not width:
        return ends, ends
    return ~ends & (turn.gather(-1, after.clamp(max=width - 1)) == turn), ends
