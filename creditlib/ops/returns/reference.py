"""Returns along turns and tokens. A token that the policy did not write discounts nothing."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from creditlib.inputs.layouts import rows_of
from creditlib.inputs.turn_order import refuse_unordered_turns
from creditlib.ops.precision import as_float, copy_to_out
from creditlib.ops.returns.right_aligned import (
    Written,
    can_align,
    following,
    goes_back,
    list_written,
    listed,
    on_tokens,
    walk_blocks,
)
from creditlib.ops.scans.reference import reverse_affine, shift_left
from creditlib.ops.whiten.reference import standardize
from creditlib.vocabulary.contract import can_read_values

__all__ = [
    "Gaps",
    "carried",
    "decayed_returns",
    "find_gaps",
    "gae",
    "move_unwritten_rewards",
    "token_returns",
    "turn_returns",
    "value_ahead",
    "whitened_gae",
    "whitened_returns",
    "written_rewards",
]


def turn_returns(x: Tensor, where: Tensor, gamma: float) -> Tensor:
    """G[k] = x[k] + gamma · G[k+1] where selected, 0 elsewhere, [batch turn] -> [batch turn].

    >>> turn_returns(torch.tensor([[0.0, 1.0, 9.0]]), torch.tensor([[True, True, False]]), 0.5)
    tensor([[0.5000, 1.0000, 0.0000]])
    """
    value = torch.where(where, x, torch.zeros_like(x))
    return reverse_affine(value, torch.full_like(value, gamma))


def decayed_returns(x: Tensor, where: Tensor, decay: Tensor) -> Tensor:
    """G[k] = x[k] + decay[k] · G[k+1] where selected, 0 elsewhere, all [batch turn].

    >>> where, decay = torch.tensor([[True, True, False]]), torch.tensor([[0.5, 0.0, 0.0]])
    >>> decayed_returns(torch.tensor([[0.0, 1.0, 9.0]]), where, decay)
    tensor([[0.5000, 1.0000, 0.0000]])
    """
    zero = torch.zeros_like(x)
    found = reverse_affine(torch.where(where, x, zero), torch.where(where, decay.to(x.dtype), zero))
    return torch.where(where, found, zero)


class Gaps(NamedTuple):
    """Which tokens the policy wrote (`where`), and the nearest written tokens around each token."""

    where: Tensor
    previous: Tensor
    following: Tensor
    row: Tensor | None
    start: Tensor | int
    end: Tensor | int


def find_gaps(turn: Tensor, offsets: Tensor | None) -> Gaps:
    """Read the turn map once; `previous` and `following` point outside [start, end) for none."""
    width = turn.shape[-1]
    row = None if offsets is None else rows_of(offsets, width)
    where = turn >= 0
    position = torch.arange(width, device=turn.device).expand(turn.shape)
    before = torch.where(where, position, -1)
    after = torch.where(where, position, width).flip(-1)
    if width:
        before, after = torch.cummax(before, -1).values, torch.cummin(after, -1).values
    if row is None or offsets is None:
        return Gaps(where, before, after.flip(-1), None, 0, width)
    bounds = offsets.to(torch.int64)
    return Gaps(where, before, after.flip(-1), row, bounds[row], bounds[row + 1])


def move_unwritten_rewards(x: Tensor, gaps: Gaps, present: Tensor | None) -> Tensor:
    """Move the reward of a token that the policy did not write to the written token before it.

    A reward before the first written token moves to the first one. In a padded row without
    `present` only rewards between written tokens count: a token before the first or after the last
    written one may be padding. A NaN on a token that the policy did not write is no reward.
    """
    has_previous = gaps.previous >= gaps.start
    has_following = gaps.following < gaps.end
    target = torch.where(has_previous, gaps.previous, gaps.following)
    counts = has_previous | has_following
    if present is not None:
        counts = counts & (present | gaps.where)
    elif gaps.row is None:
        counts = counts & has_previous & has_following
    counts = counts & (gaps.where | ~x.isnan())
    kept = torch.where(counts, x, torch.zeros_like(x))
    index = torch.where(counts, target, torch.zeros_like(target))
    return torch.zeros_like(x).scatter_add(-1, index, kept)


def written_rewards(
    reward: Tensor, turn: Tensor, present: Tensor | None, offsets: Tensor | None
) -> Tensor:
    """The reward of each written token, with the rewards of other tokens moved to it.

    On a CPU the scatter is skipped if no reward lies on a token that the policy did not write.
    """
    reward, where = as_float(reward), turn >= 0
    if can_read_values(turn) and not bool(((reward.abs() > 0) & ~where).any()):
        return torch.where(where, reward, torch.zeros_like(reward))
    return move_unwritten_rewards(reward, find_gaps(turn, offsets), present)


def token_returns(
    reward: Tensor,
    turn: Tensor,
    *,
    gamma: float,
    present: Tensor | None = None,
    offsets: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """G[t] = r[t] + gamma · G[next written token], 0 where nothing was written.

    >>> reward, turn = torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([[0, -1, 1]])
    >>> token_returns(reward, turn, gamma=0.5)
    tensor([[0.5000, 0.0000, 1.0000]])
    """
    if can_align(turn, offsets):
        written = _ordered("discounted_return", turn)
        earned = _listed_rewards(reward, turn, present, written)
        return copy_to_out(on_tokens(walk_blocks(earned, written, gamma), written, turn), out)
    refuse_unordered_turns("discounted_return", turn, offsets)
    return copy_to_out(
        carried(written_rewards(reward, turn, present, offsets), turn, gamma, offsets), out
    )


def _ordered(function: str, turn: Tensor) -> Written:
    """The written tokens, listed; ids that go back along a row are refused."""
    written = list_written(turn)
    if goes_back(turn, written):
        refuse_unordered_turns(function, turn)
    return written


def _listed_rewards(
    reward: Tensor, turn: Tensor, present: Tensor | None, written: Written
) -> Tensor:
    """The rewards of the written tokens, listed, with the rewards of other tokens moved to them."""
    reward = as_float(reward)
    own = listed(reward, written)
    if torch.count_nonzero(own) == torch.count_nonzero(reward):
        return own  # no reward lies on a token that the policy did not write
    return listed(written_rewards(reward, turn, present, None), written)


def carried(value: Tensor, turn: Tensor, decay: float | Tensor, offsets: Tensor | None) -> Tensor:
    """y[t] = value[t] + decay[t] · y[next written token] at written tokens, 0 elsewhere.

    `value` is 0 where the policy wrote nothing.

    >>> carried(torch.tensor([[1.0, 0.0, 4.0]]), torch.tensor([[0, -1, 0]]), 0.5, None)
    tensor([[3., 0., 4.]])
    """
    where, row = turn >= 0, None if offsets is None else rows_of(offsets, turn.shape[-1])
    each = decay if isinstance(decay, Tensor) else torch.full_like(value, decay)
    factor = torch.where(where, each, torch.ones_like(value))
    return torch.where(where, reverse_affine(value, factor, row), torch.zeros_like(value))


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
    """(A, G): the returns of `token_returns`, and those whitened over all written tokens.

    >>> reward, turn = torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([[0, -1, 1]])
    >>> whitened_returns(reward, turn, gamma=0.5, eps=0.0)[0]
    tensor([[-0.7071,  0.0000,  0.7071]])
    """
    first, second = (None, None) if out is None else out
    plain = token_returns(reward, turn, gamma=gamma, present=present, offsets=offsets, out=second)
    return standardize(plain, turn >= 0, eps, first), plain


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
    """A[t] = δ[t] + gamma·lam·A[n],  δ[t] = r[t] + gamma·V[n] − V[t];  (A, A + V).

    n is the next written token; after the last one A is 0 and V the bootstrap.

    >>> r, v = torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([[0.5, 9.0, 0.5]])
    >>> gae(r, v, torch.tensor([[0, -1, 1]]), gamma=1.0, lam=1.0)[0]
    tensor([[0.5000, 0.0000, 0.5000]])
    """
    dtype = torch.promote_types(as_float(reward[:0]).dtype, as_float(value[:0]).dtype)
    if can_align(turn, offsets):
        rates = gamma, gamma * lam
        return _aligned_gae(reward.to(dtype), value.to(dtype), turn, bootstrap, present, rates, out)
    refuse_unordered_turns("gae", turn, offsets)
    where = turn >= 0
    value = torch.where(where, value.to(dtype), torch.zeros_like(value, dtype=dtype))
    delta = written_rewards(reward.to(dtype), turn, present, offsets)
    delta = delta + gamma * value_ahead(value, turn, bootstrap, offsets) - value
    delta = torch.where(where, delta, torch.zeros_like(delta))
    advantage = carried(delta, turn, gamma * lam, offsets)
    first, second = (None, None) if out is None else out
    return copy_to_out(advantage, first), copy_to_out(advantage + value, second)


def _aligned_gae(
    reward: Tensor,
    value: Tensor,
    turn: Tensor,
    bootstrap: Tensor | None,
    present: Tensor | None,
    rates: tuple[float, float],
    out: tuple[Tensor, Tensor] | None,
) -> tuple[Tensor, Tensor]:
    """`gae` of padded rows on a CPU."""
    written = _ordered("gae", turn)
    value = listed(value, written)
    earned = _listed_rewards(reward, turn, present, written)
    delta = earned + rates[0] * following(value, written, bootstrap) - value
    advantage = walk_blocks(delta, written, rates[1])
    first, second = (None, None) if out is None else out
    returns = on_tokens(advantage + value, written, turn)
    return copy_to_out(on_tokens(advantage, written, turn), first), copy_to_out(returns, second)


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
    """(A, R) of `gae`, A whitened over all written tokens.

    >>> r, v = torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([[0.25, 9.0, 0.5]])
    >>> rates = {"gamma": 1.0, "lam": 0.0, "eps": 0.0}
    >>> whitened_gae(r, v, torch.tensor([[0, -1, 1]]), **rates)[0]
    tensor([[-0.7071,  0.0000,  0.7071]])
    """
    advantage, returns = gae(
        *(reward, value, turn),
        gamma=gamma,
        lam=lam,
        bootstrap=bootstrap,
        present=present,
        offsets=offsets,
    )
    first, second = (None, None) if out is None else out
    return standardize(advantage, turn >= 0, eps, first), copy_to_out(returns, second)


def value_ahead(
    value: Tensor, turn: Tensor, bootstrap: Tensor | None, offsets: Tensor | None
) -> Tensor:
    """The value of the next written token, after the last one that of the bootstrap (or 0).

    `value` is 0 where the policy wrote nothing.

    >>> value_ahead(torch.tensor([[1.0, 0.0, 4.0]]), torch.tensor([[0, -1, 0]]), None, None)
    tensor([[4., 4., 0.]])
    """
    row = None if offsets is None else rows_of(offsets, turn.shape[-1])
    if row is None:
        ends = torch.arange(turn.shape[-1], device=turn.device) == turn.shape[-1] - 1
    else:
        ends = shift_left(row, 1, -1) != row
    last = torch.zeros_like(value)
    if bootstrap is not None:
        each = bootstrap.to(value.dtype)
        last = each[:, None].expand_as(value) if row is None else each[row]
    # What a token holds, or what follows the hole it is; the end of a row is followed by `last`.
    hole = turn < 0
    here = torch.where(hole & ends, last, torch.where(hole, torch.zeros_like(value), value))
    here = reverse_affine(here, hole.to(value.dtype), row)
    return torch.where(ends, last, shift_left(here, 1, 0))
