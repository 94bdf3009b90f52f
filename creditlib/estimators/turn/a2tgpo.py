"""Information gain compared turn by turn, and the clip range that follows from it."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from torch import Tensor

from creditlib.algebra import relative, returns_to_go, valid_rows, valid_turns, wide
from creditlib.ops.fused import fused_loop
from creditlib.vocabulary import (
    ArgumentSpec,
    Backend,
    Ddof,
    Eps,
    Factor,
    Gamma,
    Group,
    InformationGain,
    Reward,
    TurnCount,
    TurnCredit,
    Valid,
    VarianceEps,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["a2tgpo", "a2tgpo_clip_scale"]

Alpha = Annotated[float, ArgumentSpec("factor on the gains of a turn and those after it", low=0)]
Width = Annotated[float, ArgumentSpec("largest distance of the factor from 1", low=0)]


def _turn_scores(x: Tensor, group: Tensor, where: Tensor, **options: Any) -> Tensor:
    """The z-score of each value among those of the same prompt in the same column."""
    column = torch.arange(x.shape[1], device=x.device)[None]
    return relative(x, group, column, where=where, scale="std", **options)


@checked
@breaks(
    "an_earlier_turn_changes_nothing_later",
    because="gains are compared at the same turn, so one more turn shifts the later ones.",
)
@breaks(
    "long_trajectories_do_not_outvote_short_ones",
    because="a longer trajectory takes part in the comparison of more turns.",
)
def a2tgpo(
    *,
    reward: Reward,
    group: Group,
    information_gain: InformationGain,
    turn_count: TurnCount,
    valid: Valid | None = None,
    alpha: Alpha = 0.3,
    gamma: Gamma = 1.0,
    ddof: Ddof = 0,
    eps: Eps = 1e-6,
    variance_eps: VarianceEps = 1e-8,
    backend: Backend = "auto",
) -> TurnCredit:
    """The gains of a turn and those after it, each compared with the same turn of the group.

        A[i,k] = alpha · D[i,k] / sqrt(m[i,k]) + zo[i];  A[i, last] = zo[i]
        D[i,k] = Σ_{k <= j < last} gamma^(j−k) · z[i,j];  m[i,k] = turn_count[i] − 1 − k
        z[i,k] = z-score of information_gain[i,k] over the members of group(i) that gain at turn k
        zo[i]  = z-score of reward[i] over group(i)

    The square root keeps D from growing with the number of turns still to come.

    Special cases: alpha=0, or one turn each, is `grpo` with ddof 0 on every turn.

    Degenerate cases: a turn index that only one trajectory of the group reaches has z = 0; a
    constant group gives exactly 0. The entry of `information_gain` at the last turn is not read.
    Turns past `turn_count` get 0.

    Source: Chen et al. 2026, arXiv:2605.06200 (turn-group normalization, rescaled accumulation);
    the defaults are those of the released recipe (`turn-group-v1d`).
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
    loop = fused_loop("a2tgpo", backend, reward)
    if loop is not None:
        return loop(
            reward, group, information_gain, turn_count, valid, alpha=alpha, gamma=gamma,
            ddof=ddof, eps=eps, variance_eps=variance_eps,
        )  # fmt: skip
    turns = information_gain.shape[1]
    gains = valid_turns(turn_count - 1, turns, valid)
    # The outcome is one more column, compared with other outcomes as the gains of a turn are.
    x = torch.cat([wide(information_gain), wide(reward)[:, None]], 1)
    columns = torch.cat([gains, valid_rows(valid, reward)[:, None]], 1)
    options: dict[str, Any] = {
        "ddof": ddof,
        "eps": eps,
        "variance_eps": variance_eps,
        "backend": backend,
    }
    z = _turn_scores(x, group, columns, **options)
    position = torch.arange(turns, device=z.device)
    left = (turn_count[:, None] - 1 - position).clamp(min=1).to(z.dtype)
    sums = returns_to_go(z[:, :-1], gains, gamma, backend=backend)
    credit = alpha * sums / left.sqrt() + z[:, -1:]
    where = valid_turns(turn_count, turns, valid)
    return torch.where(where, credit, torch.zeros_like(credit))


@checked
@breaks("weights_keep_the_total", because="a clip range is scaled, and no total is distributed.")
def a2tgpo_clip_scale(
    *,
    group: Group,
    information_gain: InformationGain,
    turn_count: TurnCount,
    valid: Valid | None = None,
    width: Width = 0.3,
    ddof: Ddof = 0,
    eps: Eps = 1e-6,
    variance_eps: VarianceEps = 1e-8,
    backend: Backend = "auto",
) -> Factor:
    """How wide the clip range of a turn is: wider for a turn that gained more than its peers.

        c[i,k] = 1 + width · (2 · sigmoid(z[i,k]) − 1),  z as in `a2tgpo`;  c[i, last] = 1

    Multiply both clip bounds of the turn by it. Values lie in (1 − width, 1 + width).

    Degenerate cases: the factor is 1 where z = 0; turns past `turn_count` and excluded rows get 0.

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
    gains = valid_turns(turn_count - 1, turns, valid)
    options: dict[str, Any] = {
        "ddof": ddof,
        "eps": eps,
        "variance_eps": variance_eps,
        "backend": backend,
    }
    z = _turn_scores(wide(information_gain), group, gains, **options)
    scale = 1 + width * torch.tanh(z / 2)  # 2·sigmoid(z) − 1 = tanh(z / 2)
    where = valid_turns(turn_count, turns, valid)
    return torch.where(where, scale, torch.zeros_like(scale))
