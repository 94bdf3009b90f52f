"""How much likelier the policy that is trained is to write this than the one that wrote it."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from creditlib.algebra import conserved, wide
from creditlib.ops.importance import bounded, log_ratio_sums, token_ratios
from creditlib.ops.tokens.reference import check_layout
from creditlib.vocabulary import (
    AnyFactor,
    ArgumentSpec,
    Backend,
    Level,
    LogProb,
    Offsets,
    OldLogProb,
    Turn,
    Turns,
    breaks,
)
from creditlib.vocabulary.contract import checked, contract_error

__all__ = ["importance_weight"]

Reduce = Annotated[
    Literal["mean", "sum"],
    ArgumentSpec("how the logarithms of the ratios of a turn or trajectory become one"),
]
Low = Annotated[float, ArgumentSpec("the smallest ratio; None for none", low=0)]
High = Annotated[float, ArgumentSpec("the largest ratio; None for none", above=0)]
Outside = Annotated[
    Literal["clip", "zero"],
    ArgumentSpec("what a ratio outside [low, high] becomes: the nearer end, or 0"),
]
OfBatch = Annotated[
    Literal["batch"], ArgumentSpec("inside what the weights average to 1; None: they do not")
]


@checked
@breaks(
    "weights_keep_the_total",
    "equal_turns_weigh_one",
    because="a ratio is not divided by the mean of the ratios.",
    conserve=None,
)
@breaks(
    "weights_keep_the_total",
    "equal_turns_weigh_one",
    because="a ratio outside of the band is 0 and stays 0.",
    outside="zero",
)
def importance_weight(
    *,
    log_prob: LogProb,
    old_log_prob: OldLogProb,
    turn: Turn,
    level: Level = "token",
    reduce: Reduce = "mean",
    low: Low | None = None,
    high: High | None = 2.0,
    outside: Outside = "clip",
    conserve: OfBatch | None = None,
    turns: Turns | None = None,
    offsets: Offsets | None = None,
    backend: Backend = "auto",
) -> AnyFactor:
    """The ratio of the probabilities of a token, turn or trajectory, now over then, within bounds.

        r[u] = exp(min(max(x[u], −20), 20));  d[i,t] = log_prob[i,t] − old_log_prob[i,t]
        x[u] = d[i,t] (level="token"), or the mean or sum of d over the tokens that the policy wrote
            in the turn or trajectory
        w[u] = min(max(r[u], low), high), or r[u] in [low, high] and 0 elsewhere (outside="zero")
        w[u] = w[u] / mean(w) over the units of the batch (conserve="batch")

    The result has the shape of its level: [batch token] or packed [token], [batch turn] with
    `turns` columns, or [batch]. Multiply credit by it, or pass the weight of tokens to `to_tokens`.
    The policy that is trained differs from the one that wrote where the rollout engine computes
    otherwise than the trainer, or where the rollouts are old. The result carries no gradient: a
    ratio that the loss differentiates stays the trainer's.

    reduce="mean" is the default, because the product of many ratios vanishes: 8,000 tokens that are
    0.03 % less likely have a product of 0.09 and a mean of 0.9997. `presets` has the options of
    trainers: VERL_TIS_TOKEN, VERL_TIS_SEQUENCE, ICEPOP, GSPO, AT2PO_RATIO and CISPO.

    Degenerate cases: equal log-probabilities give exactly 1. Tokens with turn -1 are not read and
    get 0; so do turns and trajectories without a token. A unit outside the band has the weight 0
    with conserve="batch" too, and counts in the mean.

    Errors: `low` lies above `high`; level="turn" without `turns`.

    Source: truncated importance sampling as verl computes it (its code was run); GSPO,
    arXiv:2507.18071; CISPO, arXiv:2506.13585; IcePop, arXiv:2510.18855.

    >>> import torch
    >>> new, old = torch.tensor([[-1.0, -1.0, -0.5]]), torch.tensor([[-1.0, -3.0, -1.0]])
    >>> turn = torch.tensor([[0, 0, 1]])
    >>> importance_weight(log_prob=new, old_log_prob=old, turn=turn)
    tensor([[1.0000, 2.0000, 1.6487]])
    >>> importance_weight(
    ...     log_prob=new, old_log_prob=old, turn=turn, level="turn", turns=2, high=None
    ... )
    tensor([[2.7183, 1.6487]])
    """
    check_layout("importance_weight", turn, offsets)
    if low is not None and high is not None and low > high:
        wanted = f"at most {high:g}, which is `high`"
        raise contract_error("importance_weight", "low", wanted, str(low))
    least = 0.0 if low is None else low
    most = torch.inf if high is None else high
    if conserve is not None:
        log_prob, old_log_prob = wide(log_prob), wide(old_log_prob)
    zero = outside == "zero"
    if level == "token":
        weight = token_ratios(
            log_prob, old_log_prob, turn, least, most, zero, offsets=offsets, backend=backend
        )
        where = None if conserve is None else turn >= 0
    else:
        if level == "turn" and turns is None:
            raise contract_error("importance_weight", "turns", "given with level='turn'", "None")
        whole = level == "trajectory"
        columns = 1 if whole else turns or 0
        total, count = log_ratio_sums(
            log_prob, old_log_prob, turn, columns, whole, offsets=offsets, backend=backend
        )
        x = total / count.clamp(min=1) if reduce == "mean" else total
        where = count > 0
        weight = torch.where(where, bounded(x, least, most, zero=zero), 0.0)
        if whole:
            weight, where = weight[:, 0], where[:, 0]
    return weight if where is None or conserve is None else _mean_one(weight, where, backend)


def _mean_one(weight: Tensor, where: Tensor, backend: str) -> Tensor:
    """The weights over their mean; 0 stays 0, also where all of them are."""
    return torch.where(weight > 0, conserved(weight, where=where, backend=backend), 0.0)
