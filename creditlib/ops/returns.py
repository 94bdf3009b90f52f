"""Returns along turns and tokens. Tokens the policy did not write carry, they never discount."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from creditlib.ops.scan import reverse_affine, shift_left

__all__ = ["Gaps", "find_gaps", "fold", "gae", "token_returns", "turn_returns"]


def turn_returns(x: Tensor, real: Tensor, gamma: float) -> Tensor:
    """G[k] = x[k] + gamma · G[k+1] over real turns, 0 elsewhere, [batch turn] -> [batch turn].

    >>> turn_returns(torch.tensor([[0.0, 1.0, 9.0]]), torch.tensor([[True, True, False]]), 0.5)
    tensor([[0.5000, 1.0000, 0.0000]])
    """
    value = torch.where(real, x, torch.zeros_like(x))
    return reverse_affine(value, torch.full_like(value, gamma))


class Gaps(NamedTuple):
    """Where the policy wrote, and its nearest written token on either side of each token."""

    mine: Tensor
    previous: Tensor
    following: Tensor
    row: Tensor | None
    start: Tensor | int
    end: Tensor | int


def find_gaps(turn: Tensor, row: Tensor | None, offsets: Tensor | None) -> Gaps:
    """Read the turn map once; `previous` and `following` point outside [start, end) for none."""
    width = turn.shape[-1]
    mine = turn >= 0
    position = torch.arange(width, device=turn.device).expand(turn.shape)
    before = torch.where(mine, position, -1)
    after = torch.where(mine, position, width).flip(-1)
    if width:
        before, after = torch.cummax(before, -1).values, torch.cummin(after, -1).values
    if row is None or offsets is None:
        return Gaps(mine, before, after.flip(-1), None, 0, width)
    bounds = offsets.to(torch.int64)
    return Gaps(mine, before, after.flip(-1), row, bounds[row], bounds[row + 1])


def fold(x: Tensor, gaps: Gaps, present: Tensor | None) -> Tensor:
    """Rewards on tokens nobody wrote move to the written token before them (the first: after).

    Padded rows without `present` count only what lies between written tokens: what comes before
    the first or after the last may be padding. A NaN where nothing was written is no reward.
    """
    has_previous = gaps.previous >= gaps.start
    has_following = gaps.following < gaps.end
    target = torch.where(has_previous, gaps.previous, gaps.following)
    counts = has_previous | has_following
    if present is not None:
        counts = counts & (present | gaps.mine)
    elif gaps.row is None:
        counts = counts & has_previous & has_following
    counts = counts & (gaps.mine | ~x.isnan())
    kept = torch.where(counts, x, torch.zeros_like(x))
    index = torch.where(counts, target, torch.zeros_like(target))
    return torch.zeros_like(x).scatter_add(-1, index, kept)


def token_returns(reward: Tensor, gaps: Gaps, gamma: float) -> Tensor:
    """G[t] = r[t] + gamma · G[next written token], 0 where nothing was written.

    >>> gaps = find_gaps(torch.tensor([[0, -1, 1]]), None, None)
    >>> token_returns(torch.tensor([[0.0, 0.0, 1.0]]), gaps, 0.5)
    tensor([[0.5000, 0.0000, 1.0000]])
    """
    zero = torch.zeros_like(reward)
    decay = torch.where(gaps.mine, torch.full_like(reward, gamma), torch.ones_like(reward))
    scanned = reverse_affine(torch.where(gaps.mine, reward, zero), decay, gaps.row)
    return torch.where(gaps.mine, scanned, zero)


def gae(
    reward: Tensor,
    value: Tensor,
    gaps: Gaps,
    *,
    gamma: float,
    lam: float,
    bootstrap: Tensor | None,
) -> Tensor:
    """A[t] = δ[t] + gamma·lam·A[next],  δ[t] = r[t] + gamma·V[next] − V[t]; next = next written.

    >>> gaps = find_gaps(torch.tensor([[0, -1, 1]]), None, None)
    >>> r, v = torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([[0.5, 9.0, 0.5]])
    >>> gae(r, v, gaps, gamma=1.0, lam=1.0, bootstrap=None)
    tensor([[0.5000, 0.0000, 0.5000]])
    """
    zero = torch.zeros_like(value)
    value = torch.where(gaps.mine, value, zero)
    coming = shift_left(gaps.following, 1, value.shape[-1])
    inside = coming < gaps.end
    ahead = value.gather(-1, torch.where(inside, coming, torch.zeros_like(coming)))
    last = zero if bootstrap is None else _spread_rows(bootstrap.to(value.dtype), gaps, value)
    delta = reward + gamma * torch.where(inside, ahead, last) - value
    return token_returns(delta, gaps, gamma * lam)


def _spread_rows(x: Tensor, gaps: Gaps, like: Tensor) -> Tensor:
    return x[:, None].expand_as(like) if gaps.row is None else x[gaps.row]
