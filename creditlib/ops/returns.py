"""Returns along turns and tokens. Tokens the policy did not write carry, they never discount."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from creditlib.contract import looking_is_free
from creditlib.layouts import rows_of
from creditlib.ops.precision import as_float, written
from creditlib.ops.scan import reverse_affine, shift_left
from creditlib.ops.whitening import standardize

__all__ = [
    "Gaps",
    "earned",
    "find_gaps",
    "fold",
    "gae",
    "token_returns",
    "turn_returns",
    "whitened_returns",
]


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


def find_gaps(turn: Tensor, offsets: Tensor | None) -> Gaps:
    """Read the turn map once; `previous` and `following` point outside [start, end) for none."""
    width = turn.shape[-1]
    row = None if offsets is None else rows_of(offsets, width)
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


def earned(reward: Tensor, turn: Tensor, present: Tensor | None, offsets: Tensor | None) -> Tensor:
    """What each written token earned, rewards on other tokens folded; a tensor of its own.

    Where looking is free, a reward is looked for where nobody wrote: mostly there is none.
    """
    reward, mine = as_float(reward), turn >= 0
    if looking_is_free(turn) and not bool(((reward.abs() > 0) & ~mine).any()):
        return torch.where(mine, reward, torch.zeros_like(reward))
    return fold(reward, find_gaps(turn, offsets), present)


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
    return written(_carried(earned(reward, turn, present, offsets), turn, gamma, offsets), out)


def _carried(value: Tensor, turn: Tensor, decay: float, offsets: Tensor | None) -> Tensor:
    """y[t] = value[t] + decay · y[next written token] at written tokens, 0 elsewhere."""
    mine, row = turn >= 0, None if offsets is None else rows_of(offsets, turn.shape[-1])
    factor = torch.where(mine, torch.full_like(value, decay), torch.ones_like(value))
    return torch.where(mine, reverse_affine(value, factor, row), torch.zeros_like(value))


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
    dtype = torch.promote_types(as_float(reward).dtype, as_float(value).dtype)
    mine = turn >= 0
    value = torch.where(mine, value.to(dtype), torch.zeros_like(value, dtype=dtype))
    delta = earned(reward.to(dtype), turn, present, offsets)
    delta = delta + gamma * _ahead(value, turn, bootstrap, offsets) - value
    delta = torch.where(mine, delta, torch.zeros_like(delta))
    advantage = _carried(delta, turn, gamma * lam, offsets)
    first, second = (None, None) if out is None else out
    return written(advantage, first), written(advantage + value, second)


def _ahead(value: Tensor, turn: Tensor, bootstrap: Tensor | None, offsets: Tensor | None) -> Tensor:
    """The value of the next written token, after the last one that of the bootstrap (or 0)."""
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
