"""The tensors of turns and trajectories: those of every task, and those that some tasks have.

A tensor is made only where its meaning holds. What no task has is absent, such as `branch_of`,
since the trajectories of a group are independent, or `similarity`, since there are no reference
calls.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from creditlib.audit.oracle import oracle
from creditlib.audit.sample import Sample
from creditlib.audit.task import Task
from creditlib.shaping import record_progress

__all__ = [
    "SOME_TASKS",
    "TURN_TENSORS",
    "can_end_early",
    "has_progress",
    "pays_once",
    "turn_entropy",
]

Made = Callable[[Sample], Tensor]


def _turn_reward(of: Sample) -> Tensor:
    return of.at_outcome(of.task.reward)


def _reward(of: Sample) -> Tensor:
    """The sum of the rewards of the turns."""
    return _turn_reward(of).sum(1)


def _solved(of: Sample) -> Tensor:
    return (of.at_outcome(of.task.success) > 0).any(1)


def _node(of: Sample) -> Tensor:
    """The state and the action taken in it: what is equal there is one node of the group's tree."""
    return torch.where(of.real, of.state * of.task.actions + of.action, -1)


def _turn_value(of: Sample) -> Tensor:
    """The exact value of the policy."""
    return of.at_state(of.oracle.value)


def turn_entropy(of: Sample) -> Tensor:
    """The entropy of the policy at the turn; 0 where the action was forced."""
    return torch.where(of.real, torch.special.entr(of.policy).sum(-1), 0)


def _baseline(of: Sample) -> Tensor:
    """The exact expected reward of a greedy rollout; equal probabilities share it."""
    best = of.logits == of.logits.amax(-1, keepdim=True)
    greedy = torch.where(best, 0.0, -1e6).double()
    return oracle(of.task, greedy).expected_reward[of.run]


TURN_TENSORS: dict[str, Made] = {
    "reward": _reward,
    "group": lambda of: of.group,
    "turn_reward": _turn_reward,
    "anchor": lambda of: of.observation,  # what the policy saw
    "turn_count": lambda of: of.turn_count,
    "action": lambda of: of.action,
    "node": _node,
    "solved": _solved,
    "turn_value": _turn_value,
    "turn_entropy": turn_entropy,
    "oracle_advantage": lambda of: of.advantage,
    "baseline": _baseline,
    "ratio": lambda of: of.real.double(),  # 1: the policy that is trained wrote the batch
    "potential": _turn_value,  # the exact value of the policy
    "final": lambda of: torch.zeros(len(of.state), dtype=torch.float64),
    "grounded": lambda of: of.real,  # every action of a task can be carried out
    "rollout": lambda of: torch.arange(len(of.state)),
}


# Tasks in which a solved episode may be shorter than others: time is something they use.


def can_end_early(task: Task) -> bool:
    """Whether an episode can be solved before the last turn."""
    early = task.turn < task.turns - 1
    return bool(((task.success > 0) & (task.probability > 0)).flatten(1).any(1)[early].any())


def _truncated(of: Sample) -> Tensor:
    """Unsolved after all turns of the task."""
    return (of.turn_count == of.task.turns) & ~_solved(of)


def _cost(of: Sample) -> Tensor:
    """The turns that the trajectory used, float[batch 1]."""
    return of.turn_count[:, None].double()


def _reference_cost(of: Sample) -> Tensor:
    """The fewest turns in which the task can be solved, float[batch 1]."""
    ends = ((of.task.success > 0) & (of.task.probability > 0)).flatten(1).any(1)
    fewest = float(of.task.turn[ends].min()) + 1
    return torch.full((len(of.state), 1), fewest, dtype=torch.float64)


# Tasks with the signal `progress`, in any unit.


def has_progress(task: Task) -> bool:
    """Whether the task measures progress."""
    return "progress" in task.signals


def _progress(of: Sample) -> tuple[Tensor, float]:
    """Progress after each turn, and the most progress that the task has."""
    signal = of.task.signals["progress"]
    return of.at_outcome(signal), float(signal.max())


def _progress_record(of: Sample) -> Tensor:
    """Pay on record: the rise above the best progress so far; 1 for all progress of the task."""
    progress, most = _progress(of)
    return record_progress(progress=progress, turn_count=of.turn_count, per_unit=1 / most)


def _progress_print(of: Sample) -> Tensor:
    """Pay per print: every rise of progress, also of what was undone before."""
    progress, most = _progress(of)
    rise = progress.diff(dim=1, prepend=progress.new_zeros(len(progress), 1)).clamp(min=0)
    return torch.where(of.real, rise / most, 0)


def _rewards(of: Sample) -> Tensor:
    """Two objectives: the outcome, and the best progress as a share of all; float[batch 2]."""
    return torch.stack([_reward(of), _progress_record(of).sum(1)], 1)


def _milestones(of: Sample) -> Tensor:
    """How many units of progress the trajectory reached."""
    return _progress(of)[0].amax(1).round().long()


def _score(of: Sample) -> Tensor:
    """The reward of a solved trajectory; NaN for another, which submitted nothing."""
    return torch.where(_solved(of), _reward(of), torch.nan)


def _starts(of: Sample) -> Tensor:
    """A segment is a stay at one progress: it starts where the turn before changed progress."""
    progress, _ = _progress(of)
    before = torch.nn.functional.pad(progress[:, :-2], (1, 0)) if progress.shape[1] > 1 else None
    first = torch.arange(progress.shape[1]) == 0
    if before is None:
        return of.real & first
    moved = torch.nn.functional.pad(progress[:, :-1] != before, (1, 0))
    return of.real & (first | moved)


# Tasks whose return is 1 for a solved episode and 0 for another, paid at the end.


def pays_once(task: Task) -> bool:
    """Whether the reward is the success, and ends the episode; rollouts then return 0 or 1."""
    happens = task.probability > 0
    paid = torch.where(happens, task.reward, 0)
    return bool(
        (paid == torch.where(happens, task.success, 0)).all()
        and ((paid == 0) | (task.next < 0)).all()
    )


def _simulated_value(of: Sample, rollouts: int) -> Tensor:
    """The mean return of rollouts from the start of each turn, drawn anew for each turn.

    The return of a rollout is 1 with the exact probability of success, so the sum is binomial. The
    seed is made from the trajectories. Where all groups are enumerated, it is the expectation.
    """
    value = _turn_value(of)
    if of.weight is not None:
        return value
    walked = of.state * 7919 + of.action * 104729 + of.outcome
    place = torch.arange(walked.numel()).view(walked.shape) % 1_000_003
    seed = int((walked * place).sum()) % 2**31 + rollouts
    generator = torch.Generator().manual_seed(seed)
    count = torch.full_like(value, rollouts)
    drawn = torch.binomial(count, value.clamp(0, 1), generator=generator)
    return torch.where(of.real, drawn / rollouts, 0)


SOME_TASKS: tuple[tuple[Callable[[Task], bool], dict[str, Made]], ...] = (
    (
        can_end_early,
        {"truncated": _truncated, "cost": _cost, "reference_cost": _reference_cost},
    ),
    (
        has_progress,
        {
            "progress_record": _progress_record,
            "progress_print": _progress_print,
            "solved_turn": lambda of: _progress_print(of) > 0,  # the turn made progress
            "share": _progress_record,  # the part of a turn in the outcome: its new progress
            "rewards": _rewards,
            "milestones": _milestones,
            "score": _score,
            "starts": _starts,
            "segment_value": _turn_value,  # exact: the value of the state it starts from
        },
    ),
    (
        pays_once,
        {
            "simulated_value_4": functools.partial(_simulated_value, rollouts=4),
            "simulated_value_16": functools.partial(_simulated_value, rollouts=16),
        },
    ),
)
