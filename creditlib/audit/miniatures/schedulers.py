"""A simulator of workers that roll out while a policy learns, for many seeds at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch

from creditlib.audit.training import Adam
from creditlib.estimators import rloo
from creditlib.weighting.duration import duration_weight

__all__ = [
    "Completed",
    "Prompts",
    "Scheduler",
    "Workers",
    "gradient_of",
    "learn_while_running",
    "shares",
]

Scheduler = Literal["pinned", "free", "aborting"]


@dataclass(frozen=True)
class Prompts:
    """Bandits that share one policy.

    durations: [prompt arm], the mean time that a rollout takes; the time is exponentially
    distributed. wins: [prompt arm], the probability of reward 1.
    """

    durations: np.ndarray
    wins: np.ndarray


class Completed(NamedTuple):
    """The rollouts that ended in a period, one entry for each."""

    seed: np.ndarray
    prompt: np.ndarray
    arm: np.ndarray
    duration: np.ndarray
    reward: np.ndarray


class Workers:
    """Workers of many seeds; each starts a new rollout as soon as one ends.

    scheduler: "pinned", a worker keeps its prompt for ever; "free", it takes each time a prompt by
    chance, and finishes all it starts; "aborting", the same, and all unfinished rollouts are thrown
    away at the end of a period. The luck of a seed depends on no other seed.
    """

    def __init__(
        self, prompts: Prompts, scheduler: Scheduler, seeds: Sequence[int], workers: int, most: int
    ) -> None:
        self._prompts = prompts
        self._scheduler = scheduler
        shape = (len(seeds), workers)
        drawn = [np.random.default_rng(seed).random((most, workers, 4)) for seed in seeds]
        self._luck = np.stack(drawn, 1)  # [event seed worker 4]
        self._event = np.zeros(shape, dtype=np.int64)
        self._prompt = np.broadcast_to(np.arange(workers) % len(prompts.wins), shape).copy()
        self._arm = np.zeros(shape, dtype=np.int64)
        self._duration = np.zeros(shape)
        self._reward = np.zeros(shape)
        self._end = np.full(shape, np.inf)
        self._now = 0.0

    def run(self, policy: np.ndarray, period: float) -> Completed:
        """What is completed in the next period; policy: float64[seed arm] of new rollouts."""
        everyone = np.ones(self._end.shape, dtype=bool)
        if self._now == 0 or self._scheduler == "aborting":
            self._start(everyone, policy, np.full(self._end.shape, self._now))
        until = self._now + period
        found: list[list[np.ndarray]] = []
        done = self._end <= until
        while done.any():
            seed, _ = np.nonzero(done)
            kept = (self._prompt, self._arm, self._duration, self._reward)
            found.append([seed, *(each[done] for each in kept)])
            self._start(done, policy, self._end)
            done = self._end <= until
        self._now = until
        if not found:
            return Completed(*(np.zeros(0, dtype=np.int64) for _ in Completed._fields))
        return Completed(*(np.concatenate(each) for each in zip(*found, strict=True)))

    def _start(self, who: np.ndarray, policy: np.ndarray, at: np.ndarray) -> None:
        """New rollouts of some workers, at their times."""
        seed, worker = np.nonzero(who)
        event = self._event[who] % len(self._luck)
        luck = self._luck[event, seed, worker]
        if self._scheduler != "pinned":
            self._prompt[who] = (luck[:, 0] * len(self._prompts.wins)).astype(np.int64)
        prompt = self._prompt[who]
        total = policy.cumsum(1)
        arm = (total / total[:, -1:])[seed] <= luck[:, 1, None]
        self._arm[who] = arm.sum(1)
        place = (prompt, self._arm[who])
        self._duration[who] = -np.log1p(-luck[:, 2]) * self._prompts.durations[place]
        self._reward[who] = luck[:, 3] < self._prompts.wins[place]
        self._end[who] = at[who] + self._duration[who]
        self._event[who] += 1


def shares(
    prompts: Prompts, scheduler: Scheduler, period: float, periods: int, seeds: Sequence[int]
) -> np.ndarray:
    """The share of each arm among the completed rollouts of a uniform policy, float64[arm]."""
    workers = Workers(prompts, scheduler, seeds, 16, 4 * periods)
    arms = prompts.wins.shape[1]
    policy = np.full((len(seeds), arms), 1 / arms)
    counts = np.zeros(arms)
    for _ in range(periods):
        counts += np.bincount(workers.run(policy, period).arm, minlength=arms)
    return counts / counts.sum()


def learn_while_running(
    prompts: Prompts,
    scheduler: Scheduler,
    seeds: Sequence[int],
    weighted: bool,
    *,
    period: float = 4.0,
    updates: int = 200,
    rate: float = 0.05,
    workers: int = 16,
) -> np.ndarray:
    """The exact mean reward after each update, float64[seed update].

    Each period ends with one update of Adam on what was completed: RLOO over the rollouts of a
    prompt, times `duration_weight` with mean 1 over the rollouts of the update if weighted.
    """
    arms = prompts.wins.shape[1]
    adam = Adam(
        torch.zeros(len(seeds), 1, arms, dtype=torch.float64),
        torch.full((len(seeds),), rate, dtype=torch.float64),
    )
    pool = Workers(prompts, scheduler, seeds, workers, updates)
    values = []
    for _ in range(updates):
        policy = adam.logits.softmax(-1)[:, 0].numpy()
        gradient = gradient_of(pool.run(policy, period), policy, len(prompts.wins), weighted)
        adam.ascend(torch.from_numpy(gradient)[:, None])
        after = adam.logits.softmax(-1)[:, 0].numpy()
        values.append((after @ prompts.wins.T).mean(1))
    return np.stack(values, 1)


def gradient_of(done: Completed, policy: np.ndarray, prompts: int, weighted: bool) -> np.ndarray:
    """The mean of credit x score over the rollouts of a seed, float64[seed arm]."""
    seeds, arms = policy.shape
    if not len(done.seed):
        return np.zeros((seeds, arms))
    seed = torch.from_numpy(done.seed)
    credit = rloo(
        reward=torch.from_numpy(done.reward),
        group=torch.from_numpy(done.seed * prompts + done.prompt),
    )
    if weighted:
        weight = duration_weight(
            duration=torch.from_numpy(done.duration)[:, None],
            turn_count=torch.ones(len(seed), dtype=torch.int64),
            group=seed,
            over="group",
        )
        credit = credit * weight[:, 0]
    push = credit.numpy()
    taken = np.bincount(done.seed * arms + done.arm, push, seeds * arms).reshape(seeds, arms)
    count = np.bincount(done.seed, minlength=seeds).clip(min=1)
    return (taken - policy * taken.sum(1, keepdims=True)) / count[:, None]
