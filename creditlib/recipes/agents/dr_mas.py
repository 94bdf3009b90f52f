"""Dr. MAS: an agent is compared with itself."""

from __future__ import annotations

from creditlib.algebra import relative
from creditlib.vocabulary import (
    Agent,
    Credit,
    Ddof,
    Eps,
    Group,
    Lone,
    Reward,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["dr_mas"]


@checked
@breaks("lone_members_get_nothing", because="a group of one gets its reward as it is.", lone="raw")
def dr_mas(
    *,
    reward: Reward,
    group: Group,
    agent: Agent,
    valid: Valid | None = None,
    ddof: Ddof = 1,
    eps: Eps = 1e-6,
    lone: Lone = "zero",
) -> Credit:
    """The z-score of a call among the calls of the same agent on the same task.

        A[i] = (reward[i] − mean) / (std + eps)  over the rows of (group, agent) of i

    One row is one call of an agent, and `reward` is the reward of its trajectory or of the call.
    Agents whose rewards differ in level or spread no longer share a baseline.

    Options:
        lone: credit of the only row of an agent in its group: 0, or its reward.

    Special cases: with one agent it is `grpo`. A role or a team in place of `agent` compares calls
    of a role or of a team.

    Every row votes: an agent that was called often in one trajectory weighs as many rows in its own
    baseline. One vote for each trajectory is a mean over its rows first: see docs/agents.md.

    Degenerate cases: equal rewards of an agent give exactly 0, and so does a group of one
    (lone="raw": its reward).

    Source: Dr. MAS 2026, arXiv:2602.08847 (normalization by agent); the authors' code was run.
    Differs from it: a group of one gets 0; `presets.DR_MAS` restores its raw reward.

    >>> import torch
    >>> dr_mas(
    ...     reward=torch.tensor([1.0, 0.0, 9.0, 7.0]),
    ...     group=torch.tensor([0, 0, 0, 0]),
    ...     agent=torch.tensor([4, 4, 5, 5]),
    ... )
    tensor([ 0.7071, -0.7071,  0.7071, -0.7071])
    """
    return relative(reward, group, agent, valid=valid, scale="std", ddof=ddof, eps=eps, lone=lone)
