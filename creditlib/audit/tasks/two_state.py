"""two_state: repeated states, different lengths and rewards of turns in seven trajectories."""

from __future__ import annotations

import torch

from creditlib.audit.task import Outcome, Task

__all__ = ["LOGITS", "REWARD", "two_state"]

# The reward of (state, action).
REWARD = {(0, 0): 0.3, (0, 1): -0.2, (1, 0): 1.0, (1, 1): 0.5}
# A policy that prefers neither action by much, [observation action].
LOGITS = torch.tensor([[0.4, -0.3], [0.1, 0.7]], dtype=torch.float64)


def two_state(turns: int = 3) -> Task:
    """Two states, two actions, at most three turns.

    Action 0 stays in the state. Action 1 moves from state 0 to state 1, and ends the episode in
    state 1. Each turn pays the `REWARD` of its state and action. The episode counts as solved when
    it ends by action 1 in state 1. turns: the turn at which an episode is cut off.

    Isolates: nothing; it has revisits, lengths and rewards of turns at once, in so few
    trajectories (7) that groups of 2 and 3 are enumerated. For exact expectations.
    """

    def step(at: int, turn: int, action: int) -> list[Outcome]:
        ended = at == 1 and action == 1
        after = None if ended or turn + 1 == turns else at + action
        return [Outcome(1.0, after, reward=REWARD[at, action], success=ended)]

    return Task.from_step(step, 0, name="two_state")
