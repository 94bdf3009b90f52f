"""Finite tasks: a `step` function, turned into arrays by breadth-first search."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from creditlib.vocabulary.messages import contract_error

if TYPE_CHECKING:
    from creditlib.audit.sample import Sample

__all__ = ["Outcome", "Step", "Task"]

_NO_SIGNALS: Mapping[str, float] = MappingProxyType({})


class Outcome(NamedTuple):
    """One thing that may happen after an action.

    probability: of this outcome, given the state and the action. next_state: None ends the
    episode. reward: earned at this turn. success: the episode is solved. signals: further numbers
    of this turn by name, such as {"process_reward": 0.6}; each becomes a tensor [batch turn].
    """

    probability: float
    next_state: Hashable | None
    reward: float = 0.0
    success: bool = False
    signals: Mapping[str, float] = _NO_SIGNALS


Step = Callable[[Hashable, int, int], Iterable["Outcome | tuple[object, ...]"]]
Observe = Callable[[Hashable, int], Hashable]


@dataclass(frozen=True, eq=False)
class Task:
    """A finite task as arrays; a state is a pair (state of the user, turn).

    next: int[state action outcome], -1 ends the episode. probability, reward, success: float of the
    same shape. signals: tensors of the same shape by name. observation: int[state], what the policy
    sees. turn: int[state]. levels: the states of each turn, contiguous. derive: makes further
    tensors from sampled trajectories. turn_names: for pictures.
    """

    name: str
    next: Tensor
    probability: Tensor
    reward: Tensor
    success: Tensor
    signals: Mapping[str, Tensor]
    observation: Tensor
    turn: Tensor
    levels: tuple[slice, ...]
    states: tuple[tuple[Hashable, int], ...]
    observations: tuple[Hashable, ...]
    derive: Callable[[Sample], Mapping[str, Tensor]] | None = None
    turn_names: tuple[str, ...] = field(default=())

    @property
    def actions(self) -> int:
        """The number of actions, the same in every state."""
        return self.next.shape[1]

    @property
    def turns(self) -> int:
        """The largest number of turns of an episode."""
        return len(self.levels)

    def uniform(self) -> Tensor:
        """The logits of the uniform policy, zeros [observation action]."""
        return torch.zeros(len(self.observations), self.actions, dtype=torch.float64)

    @property
    def digest(self) -> str:
        """A short hash of the arrays: equal digests mean equal tasks."""
        arrays = (self.next, self.probability, self.reward, self.success, self.observation)
        every = (*arrays, *(self.signals[name] for name in sorted(self.signals)))
        text = b"".join(each.contiguous().numpy().tobytes() for each in every)
        return hashlib.sha256(text).hexdigest()[:12]

    @staticmethod
    def from_step(
        step: Step,
        start: Hashable,
        observe: Observe | None = None,
        *,
        actions: int = 2,
        name: str = "",
        derive: Callable[[Sample], Mapping[str, Tensor]] | None = None,
        turn_names: Sequence[str] = (),
        most_states: int = 100_000,
    ) -> Task:
        """The arrays of a task that a function describes.

        step: `step(state, turn, action)` gives the possible outcomes, as `Outcome`s or tuples in
        their order. Their probabilities sum to 1. start: the state before turn 0. observe:
        `observe(state, turn)` gives what the policy sees; the default is the state itself, without
        the turn. Turns with equal observations share one row of the policy, and one anchor.
        actions: the number of actions. most_states: a task with more states is refused; a task in
        which an episode never ends has infinitely many.

        Errors: probabilities that do not sum to 1; a signal that some outcomes lack; too many
        states.

        >>> def step(state, turn, action):
        ...     return [Outcome(1.0, None, reward=float(action == state), success=action == state)]
        >>> task = Task.from_step(step, 1, lambda state, turn: state)
        >>> task.turns, task.reward.tolist()
        (1, [[[0.0], [1.0]]])
        """
        title = name or getattr(step, "__name__", "task")
        states, levels, rows = _search(step, start, actions, most_states, title)
        see = observe or (lambda state, turn: state)
        seen: dict[Hashable, int] = {}
        observation = [seen.setdefault(see(state, turn), len(seen)) for state, turn in states]
        arrays = _arrays(rows, {state: i for i, state in enumerate(states)}, actions, title)
        return Task(
            name=title,
            **arrays,
            observation=torch.tensor(observation),
            turn=torch.tensor([turn for _, turn in states]),
            levels=levels,
            states=tuple(states),
            observations=tuple(seen),
            derive=derive,
            turn_names=tuple(turn_names),
        )


_Row = list[list[Outcome]]  # the outcomes of each action at one state


def _search(
    step: Step, start: Hashable, actions: int, most: int, title: str
) -> tuple[list[tuple[Hashable, int]], tuple[slice, ...], list[_Row]]:
    """Breadth-first search: the states turn by turn, and the outcomes of each action at each."""
    states: list[tuple[Hashable, int]] = []
    rows: list[_Row] = []
    levels: list[slice] = []
    level: dict[Hashable, None] = {start: None}
    turn = 0
    while level:
        levels.append(slice(len(states), len(states) + len(level)))
        following: dict[Hashable, None] = {}
        for state in level:
            row = [_outcomes(step, state, turn, action, title) for action in range(actions)]
            rows.append(row)
            states.append((state, turn))
            for outcome in (each for outcomes in row for each in outcomes):
                if outcome.next_state is not None:
                    following[outcome.next_state] = None
        if len(states) + len(following) > most:
            fact = f"one with more than {most} states after {turn + 1} turns"
            remedy = "end every episode with None as the next state, or raise `most_states`"
            raise contract_error("Task.from_step", "step", "of a finite task", fact, remedy)
        level = following
        turn += 1
    return states, tuple(levels), rows


def _outcomes(step: Step, state: Hashable, turn: int, action: int, title: str) -> list[Outcome]:
    """The outcomes of one action, checked."""
    found = [Outcome(*each) for each in step(state, turn, action)]
    found = [outcome for outcome in found if outcome.probability > 0]
    total = sum(outcome.probability for outcome in found)
    if not math.isclose(total, 1.0, abs_tol=1e-9):
        wanted = "a function whose outcomes have probabilities that sum to 1"
        fact = f"{total:.9g} for state {state!r}, turn {turn}, action {action} of {title}"
        raise contract_error("Task.from_step", "step", wanted, fact)
    return found


def _arrays(
    rows: list[_Row], index: Mapping[tuple[Hashable, int], int], actions: int, title: str
) -> dict[str, Tensor | dict[str, Tensor]]:
    """The outcomes as tensors [state action outcome], padded with probability 0."""
    turns = [turn for _, turn in index]
    width = max(len(outcomes) for row in rows for outcomes in row)
    shape = (len(rows), actions, width)
    following = torch.full(shape, -1)
    numbers = {
        name: torch.zeros(shape, dtype=torch.float64)
        for name in ("probability", "reward", "success")
    }
    signals = _empty_signals(rows, shape, title)
    for s, row in enumerate(rows):
        for a, outcomes in enumerate(row):
            for k, outcome in enumerate(outcomes):
                if outcome.next_state is not None:
                    following[s, a, k] = index[outcome.next_state, turns[s] + 1]
                numbers["probability"][s, a, k] = outcome.probability
                numbers["reward"][s, a, k] = outcome.reward
                numbers["success"][s, a, k] = outcome.success
                for name, value in outcome.signals.items():
                    signals[name][s, a, k] = value
    return {"next": following, **numbers, "signals": signals}


def _empty_signals(rows: list[_Row], shape: tuple[int, ...], title: str) -> dict[str, Tensor]:
    """A tensor for each signal, of the dtype of its first value; every outcome has all signals."""
    every = [outcome for row in rows for outcomes in row for outcome in outcomes]
    names = sorted({name for outcome in every for name in outcome.signals})
    for name in names:
        lacking = next((outcome for outcome in every if name not in outcome.signals), None)
        if lacking is not None:
            wanted = f"a function whose every outcome has the signal {name!r}"
            fact = f"one of {title} without it, with next state {lacking.next_state!r}"
            raise contract_error("Task.from_step", "step", wanted, fact)
    kinds = {bool: torch.bool, int: torch.int64}
    return {
        name: torch.zeros(shape, dtype=kinds.get(type(every[0].signals[name]), torch.float64))
        for name in names
    }
