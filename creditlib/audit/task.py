"""Finite tasks: a `step` function, turned into arrays by breadth-first search."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from creditlib.audit.breadth_first import Observe, Outcome, Step, search

if TYPE_CHECKING:
    from creditlib.audit.sample import Sample

__all__ = ["Outcome", "Step", "Task"]


@dataclass(frozen=True, eq=False)
class Task:
    """A finite task as arrays; a state is a pair (state of the user, turn).

    next: int[state action outcome], -1 ends the episode. probability, reward, success: float of the
    same shape. signals: tensors of the same shape by name. observation: int[state], what the policy
    sees. turn: int[state]. levels: the states of each turn, contiguous. start: float[state], the
    probability that an episode begins there; 0 for states of later turns. forced: bool[state],
    where there is nothing to choose. derive: makes further tensors from sampled trajectories.
    turn_names: for pictures.
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
    start: Tensor
    forced: Tensor
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
        arrays = (
            *(self.next, self.probability, self.reward, self.success),
            *(self.observation, self.start, self.forced),
        )
        every = (*arrays, *(self.signals[name] for name in sorted(self.signals)))
        text = b"".join(each.contiguous().numpy().tobytes() for each in every)
        return hashlib.sha256(text).hexdigest()[:12]

    @staticmethod
    def from_step(
        step: Step,
        start: Hashable | Mapping[Hashable, float],
        observe: Observe | None = None,
        *,
        forced: Callable[[Any, int], bool] | None = None,
        actions: int = 2,
        name: str = "",
        derive: Callable[[Sample], Mapping[str, Tensor]] | None = None,
        turn_names: Sequence[str] = (),
        most_states: int = 100_000,
    ) -> Task:
        """The arrays of a task that a function describes.

        Args:
            step: `step(state, turn, action)` gives the possible outcomes, as `Outcome`s or tuples
                in their order. Their probabilities sum to 1; outcomes of probability 0 are left
                out.
            start: the state before turn 0, or a dictionary of states and their probabilities.
            observe: `observe(state, turn)` gives what the policy sees; None is the state itself,
                without the turn. Turns with equal observations share one row of the policy, and one
                anchor.
            forced: `forced(state, turn)` says where there is nothing to choose, as at an answer
                that the model is made to give; all actions have the same outcomes there. Such a
                turn has credit and no score.
            actions: the number of actions.
            name: the name in tables; "" is the name of `step`.
            derive: `derive(sample)` gives further tensors by name, of any sampled trajectories.
            turn_names: names of the turns, for pictures.
            most_states: a task with more states is refused; a task in which an episode never ends
                has infinitely many.

        Errors: no outcome; probabilities that are negative or do not sum to 1; a reward or a signal
        that is not finite; a signal that some outcomes lack; states or observations that are not
        hashable; a forced turn whose actions differ; too many states.

        >>> def step(state, turn, action):
        ...     return [Outcome(1.0, None, reward=float(action == state), success=action == state)]
        >>> task = Task.from_step(step, 1, lambda state, turn: state)
        >>> task.turns, task.reward.tolist()
        (1, [[[0.0], [1.0]]])
        """
        title = name or getattr(step, "__name__", "task")
        found = search(step, start, observe, forced, actions, most_states, title)
        return Task(
            name=title,
            next=found.next,
            probability=found.numbers["probability"],
            reward=found.numbers["reward"],
            success=found.numbers["success"],
            signals=found.signals,
            observation=found.observation,
            turn=torch.tensor([turn for _, turn in found.states]),
            levels=found.levels,
            start=found.start,
            forced=found.forced,
            states=found.states,
            observations=found.observations,
            derive=derive,
            turn_names=tuple(turn_names),
        )
