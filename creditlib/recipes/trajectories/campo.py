"""CAMPO: a penalty for loops where the answer was cut off."""

from __future__ import annotations

from typing import Annotated

from creditlib.algebra import wide
from creditlib.estimators import grpo
from creditlib.shaping import repeated_tail
from creditlib.vocabulary import (
    ArgumentSpec,
    Credit,
    Eps,
    Group,
    Lone,
    NonNegative,
    Offsets,
    Reward,
    TokenIds,
    Truncated,
    Turn,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["campo"]

Least = Annotated[int, ArgumentSpec("copies that make a repetition", low=2)]


@checked
@breaks(
    "constant_groups_get_nothing",
    because="of rows with equal rewards some were cut off in a loop.",
)
@breaks(
    "long_trajectories_do_not_outvote_short_ones",
    because="another turn has other last tokens, so its row may be a loop.",
)
@breaks(
    "scaling_rewards_scales_or_changes_nothing",
    because="the penalty is in the unit of the reward, and is not scaled with it.",
)
@breaks(
    "lone_members_get_nothing",
    because="a group of one gets its value as it is.",
    lone="raw",
)
def campo(
    *,
    reward: Reward,
    group: Group,
    token_ids: TokenIds,
    turn: Turn,
    truncated: Truncated,
    valid: Valid | None = None,
    penalty: NonNegative = 0.1,
    least: Least = 2,
    eps: Eps = 1e-6,
    lone: Lone = "zero",
    offsets: Offsets | None = None,
) -> Credit:
    """The z-score of the reward, with a penalty for a row that was cut off in a loop.

        A[i] = (x[i] − mean) / (std + eps)  over group(i)
        x[i] = reward[i] − penalty · [truncated[i] and repeated_tail[i] > 0]

    The mean and the deviation are those of x: a loop of one row lifts the others.

    Options:
        penalty: reward that a row loses which was cut off in a loop.

    Degenerate cases: those of `grpo` and of `repeated_tail`. Two equal last tokens of a row that
    was cut off are a loop with least=2; 16 copies are one surely.

    Source: CAMPO (MiroMind-M1) 2025, whose functions were run. The strength that adapts is not in
    their code.
    Differs from it: a group of one gets 0 (`presets.CAMPO` restores its reward); the phrase has at
    most 128 tokens.

    >>> import torch
    >>> campo(
    ...     reward=torch.tensor([0.0, 0.0]),
    ...     group=torch.tensor([0, 0]),
    ...     token_ids=torch.tensor([[7, 1, 2, 1, 2], [7, 1, 2, 1, 2]]),
    ...     turn=torch.zeros(2, 5, dtype=torch.int64),
    ...     truncated=torch.tensor([True, False]),
    ... )
    tensor([-0.7071,  0.7071])
    """
    tail = repeated_tail(token_ids=token_ids, turn=turn, least=least, offsets=offsets)
    looped = truncated & (tail > 0)
    penalized = wide(reward) - penalty * wide(looped)
    return grpo(reward=penalized, group=group, valid=valid, eps=eps, lone=lone)
