"""Information gain compared turn by turn, and the clip range that follows from it."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.contract import checked
from creditlib.ops import groups
from creditlib.ops.dispatch import pick
from creditlib.ops.masks import real_turns, taken
from creditlib.ops.precision import narrow, wide
from creditlib.ops.returns import turn_returns
from creditlib.vocabulary import (
    Backend,
    Ddof,
    Eps,
    Factor,
    Gamma,
    Group,
    InformationGain,
    NonNegative,
    Reward,
    TurnCount,
    TurnCredit,
    Valid,
)

__all__ = ["a2tgpo", "a2tgpo_clip_scale"]


def _scores(
    function: str,
    backend: str,
    x: Tensor,
    group: Tensor,
    take: Tensor,
    ddof: int,
    eps: float,
    variance_eps: float,
) -> Tensor:
    """Z of each value among those of the same prompt in the same column."""
    keys = group[:, None], torch.arange(x.shape[1], device=x.device)
    standing = pick(function, backend, groups.standing, x)
    return standing(x, keys, take, scale="std", ddof=ddof, eps=eps, variance_eps=variance_eps)


@checked
def a2tgpo(
    *,
    reward: Reward,
    group: Group,
    information_gain: InformationGain,
    turn_count: TurnCount,
    valid: Valid | None = None,
    alpha: NonNegative = 0.3,
    gamma: Gamma = 1.0,
    ddof: Ddof = 0,
    eps: Eps = 1e-6,
    variance_eps: Eps = 1e-8,
    backend: Backend = "auto",
) -> TurnCredit:
    """What the turn and those after it gained, each against the same turn of the group's others.

        A[i,k] = alpha · D[i,k] / sqrt(m[i,k]) + zo[i];  A[i, last] = zo[i]
        D[i,k] = Σ_{k <= j < last} gamma^(j−k) · z[i,j];  m[i,k] = turn_count[i] − 1 − k
        z[i,k] = z-score of information_gain[i,k] over the members of group(i) that gain at turn k
        zo[i]  = z-score of reward[i] over group(i)

    The square root keeps the size of D from growing with the turns still to come.

    Special cases: alpha=0, or one turn each, is `grpo` with ddof 0 on every turn.

    Degenerate cases: a turn index that only one trajectory of the group reaches has z = 0; a
    constant group gives exactly 0. The entry of `information_gain` at the last turn is not read.
    Turns past `turn_count` get 0.

    Breaks by design:
        an_earlier_turn_changes_nothing_later: gains are compared turn by turn, so one more
            turn moves those behind it.
        long_trajectories_do_not_outvote_short_ones: a longer trajectory also gains where
            others compare theirs.

    Source: Chen et al. 2026, arXiv:2605.06200 (turn-group normalisation, rescaled accumulation);
    defaults of the released recipe (`turn-group-v1d`).
    Differs from the authors' code: nothing known.

    >>> import torch
    >>> a2tgpo(
    ...     reward=torch.tensor([1.0, 0.0]),
    ...     group=torch.tensor([0, 0]),
    ...     information_gain=torch.tensor([[0.2, 0.0], [0.0, 0.0]]),
    ...     turn_count=torch.tensor([2, 2]),
    ... )
    tensor([[ 1.3000,  1.0000],
            [-1.3000, -1.0000]])
    """
    turns = information_gain.shape[1]
    gains = real_turns(turn_count - 1, turns, valid)
    real = real_turns(turn_count, turns, valid)
    # The outcome is one more column, compared with the others' as the gains of a turn are.
    x = torch.cat([wide(information_gain), wide(reward)[:, None]], 1)
    take = torch.cat([gains, taken(valid, reward)[:, None]], 1)
    z = _scores("a2tgpo", backend, x, group, take, ddof, eps, variance_eps)
    position = torch.arange(turns, device=z.device)
    left = (turn_count[:, None] - 1 - position).clamp(min=1).to(z.dtype)
    sums = pick("a2tgpo", backend, turn_returns, x)(z[:, :-1], gains, gamma)
    credit = alpha * sums / left.sqrt() + z[:, -1:]
    credit = torch.where(real, credit, torch.zeros_like(credit))
    return narrow(credit, reward, information_gain)


@checked
def a2tgpo_clip_scale(
    *,
    group: Group,
    information_gain: InformationGain,
    turn_count: TurnCount,
    valid: Valid | None = None,
    width: NonNegative = 0.3,
    ddof: Ddof = 0,
    eps: Eps = 1e-6,
    variance_eps: Eps = 1e-8,
    backend: Backend = "auto",
) -> Factor:
    """How far a turn's clip range opens: more for a turn that gained more than its peers.

        c[i,k] = 1 + width · (2 · sigmoid(z[i,k]) − 1),  z as in `a2tgpo`;  c[i, last] = 1

    Multiply both clip bounds of the turn by it. Values lie in (1 − width, 1 + width).

    Degenerate cases: 1 wherever z = 0; turns past `turn_count` and excluded rows get 0.

    Breaks by design:
        weights_keep_the_total: a clip range opens or closes, nothing is shared out.

    Source: Chen et al. 2026, arXiv:2605.06200 (adaptive turn-level clipping), width 0.3.
    Differs from the authors' code: nothing known.

    >>> import torch
    >>> a2tgpo_clip_scale(
    ...     group=torch.tensor([0, 0]),
    ...     information_gain=torch.tensor([[0.2, 0.0], [0.0, 0.0]]),
    ...     turn_count=torch.tensor([2, 2]),
    ... )
    tensor([[1.1386, 1.0000],
            [0.8614, 1.0000]])
    """
    turns = information_gain.shape[1]
    gains = real_turns(turn_count - 1, turns, valid)
    name, gain = "a2tgpo_clip_scale", wide(information_gain)
    z = _scores(name, backend, gain, group, gains, ddof, eps, variance_eps)
    scale = 1 + width * torch.tanh(z / 2)  # 2·sigmoid(z) − 1 = tanh(z / 2)
    real = real_turns(turn_count, turns, valid)
    return narrow(torch.where(real, scale, torch.zeros_like(scale)), information_gain)
