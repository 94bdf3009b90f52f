"""The exact values of a task under a policy, by backward induction over the turns."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from creditlib.audit.task import Task

__all__ = ["Oracle", "oracle"]


@dataclass(frozen=True, eq=False)
class Oracle:
    """Exact quantities of a policy; `...` are the policies, or nothing for one policy.

    value: V, [... state]. action_value: Q, [... state action]. advantage: A = Q - V. occupancy:
    the probability that an episode visits the state. expected_reward: J, [...], the mean sum of
    rewards. success: the probability that an episode is solved. gradient: of J with respect to the
    logits, [... observation action].
    """

    value: Tensor
    action_value: Tensor
    advantage: Tensor
    occupancy: Tensor
    expected_reward: Tensor
    success: Tensor
    gradient: Tensor


def oracle(task: Task, logits: Tensor) -> Oracle:
    """V, Q, A, occupancy, J and the exact policy gradient of softmax policies.

    logits: float[... observation action], any number of policies.

        Q[s,a] = Σ_k p[s,a,k] (r[s,a,k] + V[next[s,a,k]])          V[s] = Σ_a π[o(s),a] Q[s,a]
        d[s'] = Σ_{s,a,k: next = s'} d[s] π[o(s),a] p[s,a,k]        d[start] = 1
        ∂J/∂logit[o,a] = Σ_{s: o(s) = o} d[s] π[o,a] A[s,a]

    The discount is 1. The success probability has the same recursion as V, with success for r.
    """
    policy = logits.double().softmax(-1)[..., task.observation, :]
    lead, width = policy.shape[:-2], task.next.shape[0]
    after = torch.where(task.next < 0, width, task.next)
    earned = (task.probability * task.reward).sum(-1)
    solved = (task.probability * task.success).sum(-1)
    value = policy.new_zeros(*lead, width + 1)  # the last entry is the end of an episode
    success = policy.new_zeros(*lead, width + 1)
    action_value = policy.new_zeros(*lead, width, task.actions)
    for level in reversed(task.levels):
        chance, following = task.probability[level], after[level]
        action_value[..., level, :] = earned[level] + (chance * value[..., following]).sum(-1)
        won = solved[level] + (chance * success[..., following]).sum(-1)
        value[..., level] = (policy[..., level, :] * action_value[..., level, :]).sum(-1)
        success[..., level] = (policy[..., level, :] * won).sum(-1)
    occupancy = policy.new_zeros(*lead, width + 1)
    occupancy[..., 0] = 1
    for level in task.levels:
        going = (occupancy[..., level, None] * policy[..., level, :])[..., None]
        flow = (going * task.probability[level]).flatten(-3)
        occupancy.index_add_(-1, after[level].flatten(), flow)
    advantage = action_value - value[..., :-1, None]
    pull = occupancy[..., :-1, None] * policy * advantage
    gradient = policy.new_zeros(logits.shape).index_add_(-2, task.observation, pull)
    return Oracle(
        value=value[..., :-1],
        action_value=action_value,
        advantage=advantage,
        occupancy=occupancy[..., :-1],
        expected_reward=value[..., 0],
        success=success[..., 0],
        gradient=gradient,
    )
