"""Breadth-first search: a `step` function becomes arrays over states, actions and outcomes."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn

import torch
from torch import Tensor

from creditlib.vocabulary.messages import contract_error

__all__ = ["Observe", "Outcome", "Step", "Tables", "search"]

_NO_SIGNALS: Mapping[str, float] = MappingProxyType({})
_FROM_STEP = "Task.from_step"

_ROUNDING = 1e-9  # that a sum of probabilities may miss 1 by


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


# The state is of any hashable type, and each task reads its own.
Step = Callable[[Any, int, int], Iterable["Outcome | tuple[Any, ...]"]]
Observe = Callable[[Any, int], Hashable]
State = tuple[Hashable, int]  # the user's state, and the turn
Row = list[list[Outcome]]  # the outcomes of each action at one state


@dataclass(frozen=True, eq=False)
class Tables:
    """What `step` says, as arrays; see `Task`. numbers: probability, reward, success."""

    states: tuple[State, ...]
    levels: tuple[slice, ...]
    next: Tensor
    numbers: dict[str, Tensor]
    signals: dict[str, Tensor]
    start: Tensor
    observation: Tensor
    observations: tuple[Hashable, ...]
    forced: Tensor


def search(
    step: Step,
    start: Hashable | Mapping[Hashable, float],
    observe: Observe | None,
    forced: Callable[[Any, int], bool] | None,
    actions: int,
    most: int,
    title: str,
) -> Tables:
    """The arrays of a task, its states numbered turn by turn in the order of first sight.

    The arguments are those of `Task.from_step`; most: `most_states`; title: the task's name.
    """
    if actions < 1:
        raise contract_error(_FROM_STEP, "actions", "at least 1", str(actions))
    chances = _first(start, title)
    states, levels, rows = _walk(step, chances, actions, most, title)
    seen: dict[Hashable, int] = {}
    observation = [seen.setdefault(_seen(observe, *state, title), len(seen)) for state in states]
    following, numbers, signals = _arrays(rows, states, actions, title)
    first = torch.zeros(len(states), dtype=torch.float64)
    first[: len(chances)] = torch.tensor(list(chances.values()), dtype=torch.float64)
    return Tables(
        states=tuple(states),
        levels=tuple(levels),
        next=following,
        numbers=numbers,
        signals=signals,
        start=first,
        observation=torch.tensor(observation),
        observations=tuple(seen),
        forced=_forced(forced, states, rows, title),
    )


def _refuse(contract: str, fact: str, remedy: str = "", argument: str = "step") -> NoReturn:
    raise contract_error(_FROM_STEP, argument, contract, fact, remedy)


def _hashable(value: object) -> bool:
    """Whether a value can be a key; a tuple of lists has a hash function that fails."""
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _first(start: Hashable | Mapping[Hashable, float], title: str) -> dict[Hashable, float]:
    """The first states with their probabilities; those of probability 0 are left out."""
    if not isinstance(start, Mapping) and not _hashable(start):
        _refuse("hashable", f"{type(start).__name__} for {title}", argument="start")
    chances = dict(start) if isinstance(start, Mapping) else {start: 1.0}
    if min(chances.values(), default=0.0) < 0 or not _is_one(chances.values()):
        wanted = "a state, or states with probabilities that are at least 0 and sum to 1"
        _refuse(wanted, f"{chances} for {title}", argument="start")
    return {state: chance for state, chance in chances.items() if chance > 0}


def _is_one(chances: Iterable[float]) -> bool:
    return abs(sum(chances) - 1) <= _ROUNDING


def _walk(
    step: Step, start: Iterable[Hashable], actions: int, most: int, title: str
) -> tuple[list[State], list[slice], list[Row]]:
    """The states turn by turn, and the outcomes of each action at each."""
    states: list[State] = []
    rows: list[Row] = []
    levels: list[slice] = []
    level = dict.fromkeys(start)
    while level:
        turn = len(levels)
        levels.append(slice(len(states), len(states) + len(level)))
        if levels[-1].stop > most:
            fact = f"{title} with more than {most} states after {turn} turns"
            remedy = "end every episode with None as the next state, or raise `most_states`"
            _refuse("of a finite task", fact, remedy)
        following: dict[Hashable, None] = {}
        for state in level:
            row = [_outcomes(step, state, turn, action, title) for action in range(actions)]
            rows.append(row)
            states.append((state, turn))
            for outcome in (each for outcomes in row for each in outcomes):
                if outcome.next_state is not None:
                    following[outcome.next_state] = None
        level = following
    return states, levels, rows


def _outcomes(step: Step, state: Hashable, turn: int, action: int, title: str) -> list[Outcome]:
    """The outcomes of one action, checked."""
    place = f"for state {state!r}, turn {turn}, action {action} of {title}"
    given: object = step(state, turn, action)
    if not isinstance(given, Iterable) or isinstance(given, Outcome):
        _refuse("a function that returns outcomes", f"{type(given).__name__} {place}")
    every = [_outcome(each, place) for each in given]
    if not every:
        _refuse("a function that returns outcomes", f"none {place}")
    chances = [outcome.probability for outcome in every]
    if min(chances) < 0:
        _refuse("of probabilities that are at least 0", f"{min(chances):.9g} {place}")
    if not _is_one(chances):
        wanted = "a function whose outcomes have probabilities that sum to 1"
        _refuse(wanted, f"{sum(chances):.9g} {place}")
    return [outcome for outcome in every if outcome.probability > 0]


def _outcome(given: object, place: str) -> Outcome:
    """An outcome, or a tuple in its order, checked but for the sum of probabilities."""
    if not isinstance(given, tuple) or not 2 <= len(given) <= len(Outcome._fields):
        wanted = "a function that returns outcomes, each of them (probability, next_state, …)"
        _refuse(wanted, f"{given!r} {place}")
    outcome = Outcome(*given)
    if not _hashable(outcome.next_state):
        _refuse("of hashable states", f"{type(outcome.next_state).__name__} {place}")
    for name, number in {"reward": outcome.reward, **outcome.signals}.items():
        if not math.isfinite(number):
            _refuse("of finite rewards and signals", f"{name} = {number} {place}")
    return outcome


def _seen(observe: Observe | None, state: Hashable, turn: int, title: str) -> Hashable:
    """What the policy sees."""
    seen = state if observe is None else observe(state, turn)
    if not _hashable(seen):
        fact = f"{type(seen).__name__} for state {state!r}, turn {turn} of {title}"
        _refuse("a function that returns a hashable observation", fact, argument="observe")
    return seen


def _forced(
    forced: Callable[[Any, int], bool] | None, states: list[State], rows: list[Row], title: str
) -> Tensor:
    """bool[state]: where there is nothing to choose."""
    found = [forced is not None and bool(forced(*state)) for state in states]
    for (state, turn), row, alone in zip(states, rows, found, strict=True):
        if alone and any(outcomes != row[0] for outcomes in row):
            wanted = "true only where all actions have the same outcomes"
            fact = f"true for state {state!r}, turn {turn} of {title}"
            _refuse(wanted, fact, argument="forced")
    return torch.tensor(found)


def _arrays(
    rows: list[Row], states: list[State], actions: int, title: str
) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
    """The outcomes as tensors [state action outcome], padded with probability 0."""
    index = {state: i for i, state in enumerate(states)}
    shape = (len(rows), actions, max(len(outcomes) for row in rows for outcomes in row))
    following = torch.full(shape, -1)
    names = ("probability", "reward", "success")
    numbers = {name: torch.zeros(shape, dtype=torch.float64) for name in names}
    signals = _empty_signals(rows, shape, title)
    for place, outcome in _places(rows):
        if outcome.next_state is not None:
            following[place] = index[outcome.next_state, states[place[0]][1] + 1]
        for name, array in numbers.items():
            array[place] = float(getattr(outcome, name))
        for name, array in signals.items():
            array[place] = outcome.signals[name]
    return following, numbers, signals


def _places(rows: list[Row]) -> Iterator[tuple[tuple[int, int, int], Outcome]]:
    """All outcomes, each with its state, its action and its number."""
    for s, row in enumerate(rows):
        for a, outcomes in enumerate(row):
            for k, outcome in enumerate(outcomes):
                yield (s, a, k), outcome


def _empty_signals(rows: list[Row], shape: tuple[int, ...], title: str) -> dict[str, Tensor]:
    """A tensor for each signal; every outcome has all signals.

    A signal is bool or int64 where all its values are, and float64 otherwise.
    """
    every = [outcome for _, outcome in _places(rows)]
    kinds: dict[str, set[type]] = {}
    for outcome in every:
        for name, value in outcome.signals.items():
            kinds.setdefault(name, set()).add(type(value))
    for name in kinds:
        lacking = next((outcome for outcome in every if name not in outcome.signals), None)
        if lacking is not None:
            wanted = f"a function whose every outcome has the signal {name!r}"
            _refuse(wanted, f"one of {title} without it, with next state {lacking.next_state!r}")
    dtypes = {frozenset({bool}): torch.bool, frozenset({int}): torch.int64}
    return {
        name: torch.zeros(shape, dtype=dtypes.get(frozenset(found), torch.float64))
        for name, found in sorted(kinds.items())
    }
