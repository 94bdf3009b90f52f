"""A world small enough to enumerate: the exact policy gradient, and what an estimator makes of it.

Two states and two actions, three turns at most. Action 0 stays, action 1 moves on: from state 0 to
state 1, and out of the world from state 1. So states are revisited and lengths differ.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["TURNS", "World", "world"]

TURNS = 3
_REWARD = {(0, 0): 0.3, (0, 1): -0.2, (1, 0): 1.0, (1, 1): 0.5}
_LOGITS = torch.tensor([[0.4, -0.3], [0.1, 0.7]], dtype=torch.float64)
_Walk = list[tuple[int, int]]


def _walks(policy: Tensor, state: int = 0, left: int = TURNS) -> list[tuple[_Walk, float]]:
    """All [(state, action), …] with their probabilities."""
    if state == 2 or not left:
        return [([], 1.0)]
    return [
        ([(state, action), *rest], float(policy[state, action]) * p)
        for action in (0, 1)
        for rest, p in _walks(policy, state + action, left - 1)
    ]


@dataclass(frozen=True)
class World:
    """All groups of N walks as one batch: each a group of its own, weighed by its probability.

    score: the gradient of log policy at each turn; chance: of the row's group; true: the gradient
    of the expected reward.
    """

    size: int
    batch: dict[str, Tensor]
    score: Tensor
    chance: Tensor
    true: Tensor

    def gradient(self, credit: Tensor) -> Tensor:
        """E[ 1/N Σ_i Σ_k credit[i,k] ∇ log policy ], for credit by trajectory or by turn."""
        every = credit[:, None] if credit.ndim == 1 else credit
        weighed = every.double().expand(-1, TURNS) * self.chance[:, None] / self.size
        return torch.einsum("bk,bkxy->xy", weighed, self.score)


@functools.cache
def world(size: int) -> World:
    """The world seen through groups of `size` trajectories, with the tensors of the vocabulary.

    >>> world(2).batch["turn_count"][:4].tolist()
    [3, 3, 3, 3]
    """
    policy = _LOGITS.softmax(1)
    walks = _walks(policy)
    picks = torch.tensor(list(itertools.product(range(len(walks)), repeat=size)))
    walk, chance = picks.flatten(), torch.tensor([p for _, p in walks], dtype=torch.float64)
    earned = _table([[_REWARD[step] for step in steps] for steps, _ in walks])
    states = _table([[state for state, _ in steps] for steps, _ in walks]).long()
    count = torch.tensor([len(steps) for steps, _ in walks])
    reward, real = earned.sum(1), torch.arange(TURNS) < count[:, None]
    score = torch.zeros(len(walks), TURNS, 2, 2, dtype=torch.float64)
    for i, (steps, _) in enumerate(walks):
        for k, (state, action) in enumerate(steps):
            score[i, k, state] = -policy[state]
            score[i, k, state, action] += 1
    batch = {
        "reward": reward[walk],
        "group": torch.arange(len(picks)).repeat_interleave(size),
        "turn_reward": earned[walk],
        "anchor": states[walk],
        "turn_count": count[walk],
        "length": count[walk],
        "token_reward": earned[walk],
        "turn": torch.where(real, torch.arange(TURNS), -1)[walk],
        "present": real[walk],
        "baseline": torch.full_like(reward[walk], 0.37),
    }
    true = torch.einsum("b,bkxy->xy", chance * reward, score)
    return World(size, batch, score[walk], chance[picks].prod(1).repeat_interleave(size), true)


def _table(rows: list[list[float]]) -> Tensor:
    """Ragged rows as float64[batch turn]."""
    result = torch.zeros(len(rows), TURNS, dtype=torch.float64)
    for i, row in enumerate(rows):
        result[i, : len(row)] = torch.tensor(row, dtype=torch.float64)
    return result
