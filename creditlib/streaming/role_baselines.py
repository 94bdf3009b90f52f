"""The exponential average of each role's rewards: the caller keeps it, a call returns a new one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch

from creditlib.ops.precision import narrow
from creditlib.vocabulary import Agent, ArgumentSpec, Credit, Reward, Valid
from creditlib.vocabulary.contract import checked

__all__ = ["RoleBaselines", "role_baseline"]

Decay = Annotated[
    float, ArgumentSpec("what a baseline keeps of itself when a reward joins it", low=0, high=1)
]


@dataclass(frozen=True)
class RoleBaselines:
    """The exponential average of each role's rewards: (id, average) pairs, sorted by id.

    >>> RoleBaselines(((7, 0.5),)).of(7), RoleBaselines(((7, 0.5),)).of(8)
    (0.5, 0.0)
    """

    averages: tuple[tuple[int, float], ...] = ()

    def of(self, agent: int) -> float:
        """The average of a role; 0 for a role that was never met.

        Args:
            agent: id of the role.
        """
        return dict(self.averages).get(agent, 0.0)


START = RoleBaselines()
Baselines = Annotated[RoleBaselines, ArgumentSpec("those that the call before returned")]


@checked
def role_baseline(
    *,
    reward: Reward,
    agent: Agent,
    baselines: Baselines = START,
    valid: Valid | None = None,
    decay: Decay = 0.95,
) -> tuple[Credit, RoleBaselines]:
    """(credit, new baselines): a reward minus the average of its role's earlier rewards.

        A[i] = reward[i] − b[agent[i]];  then b[agent[i]] = decay · b + (1 − decay) · reward[i]

    Rows are taken in their order, and a row is compared before it joins the average: its own reward
    is never in its baseline. For self-play, where the mean of a game tells nothing: the rewards of
    a zero-sum game average to 0 whatever the players do. No group is needed.

    `agent` is the id of the role, or of (game, role): `ids(zip(game, role))`, which gives a role
    the same id in every batch. `baselines` are those that the call before returned.

    Options:
        decay: what a baseline keeps of itself when a reward joins it; 0.95 by default. It forgets
            within about 1 / (1 − decay) rows of a role.

    Degenerate cases: a role that was never met has the baseline 0, so its first credits are its
    rewards themselves, and a constant reward c is followed by credits c, decay · c, decay² · c.
    decay=1 leaves the baselines as they are. Rows that take no part get exactly 0 and join no
    average. An empty batch returns the baselines as they are. The rewards are read on the host: a
    GPU waits for them.

    Source: RAE of SPIRAL, Liu et al. 2025, arXiv:2506.24119, in the order of prime-rl's `rae`.
    Differs from it: the state is an argument and a result.

    >>> reward, agent = torch.tensor([1.0, -1.0, 1.0]), torch.tensor([4, 5, 4])
    >>> credit, baselines = role_baseline(reward=reward, agent=agent, decay=0.5)
    >>> credit, baselines
    (tensor([ 1.0000, -1.0000,  0.5000]), RoleBaselines(averages=((4, 0.75), (5, -0.5))))
    >>> role_baseline(reward=reward, agent=agent, baselines=baselines, decay=0.5)[0]
    tensor([ 0.2500, -0.5000,  0.1250])
    """
    average = dict(baselines.averages)
    takes_part = [True] * len(reward) if valid is None else valid.tolist()
    credit: list[float] = []
    for earned, role, here in zip(reward.tolist(), agent.tolist(), takes_part, strict=True):
        before = average.get(role, 0.0)
        credit.append(earned - before if here else 0.0)
        if here:
            average[role] = decay * before + (1 - decay) * earned
    found = torch.tensor(credit, dtype=torch.float64).to(reward.device)
    return narrow(found, reward), RoleBaselines(tuple(sorted(average.items())))
