"""The exact policy gradient of a small environment, and the expected gradient of an estimator.

The environment has two states, two actions and at most three turns. Action 0 stays in the state.
Action 1 moves from state 0 to state 1, and ends the episode in state 1. So trajectories revisit
states and have different lengths.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["LOGITS", "REWARD", "TURNS", "EnumeratedGroups", "enumerate_groups", "trajectories"]

TURNS = 3
REWARD = {(0, 0): 0.3, (0, 1): -0.2, (1, 0): 1.0, (1, 1): 0.5}
LOGITS = torch.tensor([[0.4, -0.3], [0.1, 0.7]], dtype=torch.float64)
_Steps = list[tuple[int, int]]


def trajectories(policy: Tensor, state: int = 0, left: int = TURNS) -> list[tuple[_Steps, float]]:
    """All trajectories [(state, action), …] with their probabilities."""
    if state == 2 or not left:
        return [([], 1.0)]
    return [
        ([(state, action), *rest], float(policy[state, action]) * p)
        for action in (0, 1)
        for rest, p in trajectories(policy, state + action, left - 1)
    ]


@dataclass(frozen=True)
class EnumeratedGroups:
    """All groups of `size` trajectories in one batch.

    score: the gradient of the log-probability of each turn. probability: of the row's group.
    true_gradient: the gradient of the expected reward.
    """

    size: int
    batch: dict[str, Tensor]
    score: Tensor
    probability: Tensor
    true_gradient: Tensor

    def gradient(self, credit: Tensor) -> Tensor:
        """E[ 1/N Σ_i Σ_k credit[i,k] ∇ log policy ], for credit by trajectory or by turn."""
        by_turn = credit[:, None] if credit.ndim == 1 else credit
        weighted = by_turn.double().expand(-1, TURNS) * self.probability[:, None] / self.size
        return torch.einsum("bk,bkxy->xy", weighted, self.score)


@functools.cache
def enumerate_groups(size: int) -> EnumeratedGroups:
    """All groups of `size` trajectories of the environment, with the tensors of the vocabulary.

    >>> enumerate_groups(2).batch["turn_count"][:4].tolist()
    [3, 3, 3, 3]
    """
    policy = LOGITS.softmax(1)
    every = trajectories(policy)
    groups = torch.tensor(list(itertools.product(range(len(every)), repeat=size)))
    row = groups.flatten()
    probability = torch.tensor([p for _, p in every], dtype=torch.float64)
    turn_reward = _table([[REWARD[step] for step in steps] for steps, _ in every])
    states = _table([[state for state, _ in steps] for steps, _ in every]).long()
    count = torch.tensor([len(steps) for steps, _ in every])
    reward, real = turn_reward.sum(1), torch.arange(TURNS) < count[:, None]
    score = torch.zeros(len(every), TURNS, 2, 2, dtype=torch.float64)
    for i, (steps, _) in enumerate(every):
        for k, (state, action) in enumerate(steps):
            score[i, k, state] = -policy[state]
            score[i, k, state, action] += 1
    batch = {
        "reward": reward[row],
        "group": torch.arange(len(groups)).repeat_interleave(size),
        "turn_reward": turn_reward[row],
        "anchor": states[row],
        "turn_count": count[row],
        "length": count[row],
        "token_reward": turn_reward[row],
        "turn": torch.where(real, torch.arange(TURNS), -1)[row],
        "present": real[row],
        "baseline": torch.full_like(reward[row], 0.37),
    }
    true_gradient = torch.einsum("b,bkxy->xy", probability * reward, score)
    of_group = probability[groups].prod(1).repeat_interleave(size)
    return EnumeratedGroups(size, batch, score[row], of_group, true_gradient)


def _table(rows: list[list[float]]) -> Tensor:
    """Ragged rows as float64[batch turn]."""
    result = torch.zeros(len(rows), TURNS, dtype=torch.float64)
    for i, row in enumerate(rows):
        result[i, : len(row)] = torch.tensor(row, dtype=torch.float64)
    return result
