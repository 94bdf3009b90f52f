"""The tensors of sampled trajectories, in the names of the vocabulary, each made when asked for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping

from torch import Tensor

from creditlib.audit.sample import Sample, sample
from creditlib.audit.task import Task
from creditlib.audit.task_tensors import SOME_TASKS, TURN_TENSORS
from creditlib.audit.token_tensors import (
    TOKEN_TENSORS,
    first_token,
    token_count,
    token_turn,
    tokens_of,
)

__all__ = [
    "BatchTensors",
    "first_token",
    "names_of",
    "token_count",
    "token_turn",
    "tokens_of",
]


class BatchTensors(Mapping[str, Tensor]):
    """A mapping from names to tensors, as every `apply` takes it; tensors are made on demand.

    It holds what every task has, what a property of the task gives, the signals of the task, and
    what its `derive` makes; the last wins over the first. Beside the vocabulary it has
    `oracle_advantage`, the exact advantage of the action taken, float[batch turn].

    Every task: reward, group, turn_reward, solved, action. anchor: what the policy saw. node: state
    and action. turn_value, potential and value: exact; final 0. baseline: the exact expected reward
    of a greedy rollout. ratio 1, and old_log_prob = log_prob: the batch is on policy.
    teacher_log_prob: that of the policy times exp(exact advantage). grounded: every turn. rollout:
    the row. token_ids: a word for each action and place. token_score: the entropy. hidden: the
    observation, one-hot.

    Tasks that can be solved before their last turn: truncated, unsolved after all turns. cost: the
    turns used. reference_cost: the fewest that can solve it.

    Tasks with the signal progress: progress_record and progress_print, paid on record and per
    print. solved_turn: the turn made progress. share: its new progress. rewards: the outcome and
    the best progress. milestones: the best progress, in units. score: the reward, NaN if unsolved.
    starts and segment_value: a segment is a stay at one progress.

    Tasks whose return is 1 for a solved episode and else 0: simulated_value_4 and _16, the mean
    return of as many rollouts from the start of each turn.

    >>> from creditlib.audit.policies import perturbed
    >>> from creditlib.audit.tasks import recovery
    >>> batch = BatchTensors(sample(recovery(), perturbed(recovery()), groups=1, size=2))
    >>> batch["turn_count"].tolist(), "progress" in batch
    ([4, 4], False)
    """

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        self._found: dict[str, Tensor] = {}
        self._makers = _makers(sample.task)
        if sample.task.derive is not None:
            self._found.update(sample.task.derive(sample))

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._found:
            signals = self._sample.task.signals
            if name in signals:
                self._found[name] = self._sample.at_outcome(signals[name])
            else:
                self._found[name] = self._makers[name](self._sample)
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._makers, **self._sample.task.signals, **self._found})

    def __contains__(self, name: object) -> bool:
        return name in self._found or name in self._sample.task.signals or name in self._makers

    def __len__(self) -> int:
        return len(list(iter(self)))


def _makers(task: Task) -> dict[str, Callable[[Sample], Tensor]]:
    """What makes each tensor that the task has, beside its own signals."""
    made = {**TURN_TENSORS, **TOKEN_TENSORS}
    for holds, more in SOME_TASKS:
        if holds(task):
            made.update(more)
    return made


@functools.lru_cache(maxsize=64)
def names_of(task: Task) -> frozenset[str]:
    """The names of all tensors that trajectories of a task have."""
    return frozenset(BatchTensors(sample(task, task.uniform(), groups=1, size=2)))
