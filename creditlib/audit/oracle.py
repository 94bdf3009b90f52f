"""The exact values of a task under a policy, by backward induction over the turns."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from creditlib.audit.task import Task
from creditlib.vocabulary.messages import contract_error

__all__ = ["Oracle", "oracle", "success"]


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

        Q[s,a] = Σ_k p[s,a,k] (r[s,a,k] + V[next[s,a,k]])          V[s] = Σ_a π[o(s),a] Q[s,a]
        d[s'] = Σ_{s,a,k: next = s'} d[s] π[o(s),a] p[s,a,k]        d[first] = start
        ∂J/∂logit[o,a] = Σ_{s: o(s) = o} d[s] π[o,a] A[s,a]

    J = Σ_s start[s] V[s]. The discount is 1. The success probability has the same recursion as V,
    with success for r.

    Args:
        task: the task.
        logits: float[… observation action]; any number of policies.

    Errors: logits of another shape.

    >>> from creditlib.audit.tasks import recovery
    >>> found = oracle(recovery(), recovery().uniform())
    >>> found.value[:3].tolist(), float(found.expected_reward)
    ([0.75, 1.0, 0.5], 0.75)
    """
    seen = (len(task.observations), task.actions)
    if logits.shape[-2:] != seen:
        wanted = f"float[… observation action] with sizes {list(seen)} for {task.name}"
        raise contract_error("oracle", "logits", wanted, f"shape {list(logits.shape)}")
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
    occupancy[..., :-1] = task.start
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
        expected_reward=(value[..., :-1] * task.start).sum(-1),
        success=(success[..., :-1] * task.start).sum(-1),
        gradient=gradient,
    )


def success(task: Task, logits: Tensor) -> Tensor:
    """The probability that an episode is solved, float64[...], without the other quantities.

    logits: float[... observation action].

        S[s] = Σ_a π[o(s),a] Σ_k p[s,a,k] (success[s,a,k] + S[next[s,a,k]])

    Inside, the policies are the last axis, which makes many policies fast.

    >>> from creditlib.audit.tasks import recovery
    >>> float(success(recovery(), recovery().uniform()))
    0.75
    """
    policy = logits.double().softmax(-1)
    width = task.next.shape[0]
    after = torch.where(task.next < 0, width, task.next)
    solved = (task.probability * task.success).sum(-1)
    chances = policy.reshape(-1, *policy.shape[-2:]).permute(1, 2, 0).contiguous()
    result = policy.new_zeros(width + 1, chances.shape[-1])
    for level in reversed(task.levels):
        following = result.index_select(0, after[level].flatten())
        following = following.view(*after[level].shape, -1)
        if after.shape[-1] == 1:
            won = following[:, :, 0]
        else:
            won = (task.probability[level][..., None] * following).sum(2)
        won = won + solved[level][..., None]
        result[level] = (chances.index_select(0, task.observation[level]) * won).sum(1)
    return (task.start @ result[:-1]).view(policy.shape[:-2])
