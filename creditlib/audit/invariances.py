"""What may be done to a batch without changing an estimator's credit: yes or no, in a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from creditlib.audit.case import EQUAL, Case, accepts, cast, same
from creditlib.audit.sample import Sample
from creditlib.audit.tensors import first_token, tokens_of
from creditlib.vocabulary.messages import ContractError

__all__ = [
    "INVARIANCES",
    "Invariance",
    "check",
    "constant_groups",
    "groups_alone",
    "lone_rows",
    "names_of_anchors",
    "names_of_groups",
    "padding_content",
    "padding_width",
    "proportional_to_rewards",
    "rows_across_groups",
    "rows_within_a_group",
    "scale_of_rewards",
    "shift_of_rewards",
]

_EQUAL_SCALED = 1e-3  # where an eps stands beside a deviation
_POINTERS = {"branch_of"}  # tensors that name rows by their place
_SIZES = (3, 7, 8, 33)  # of constant groups
_MORE_TURNS = 2  # of wider padding


def rows_within_a_group(case: Case) -> bool | None:
    """Whether the order of the rows of a group does not matter."""
    size = case.sample.size
    order = torch.arange(len(case.sample.state)).view(-1, size)
    return _reordered(case, order.flip(1).roll(1, 1).flatten())


def rows_across_groups(case: Case) -> bool | None:
    """Whether rows of different groups may stand between each other."""
    rows = len(case.sample.state)
    return _reordered(case, torch.randperm(rows, generator=torch.Generator().manual_seed(1)))


def _reordered(case: Case, order: Tensor) -> bool | None:
    if not _movable(case):
        return None
    moved = {name: x[order] for name, x in case.batch.items()}
    return same(case.credit_of(moved, _rows(case.sample, order)), case.credit[order])


def _movable(case: Case) -> bool:
    """Whether every tensor is one of rows that do not point at each other."""
    rows = len(case.sample.state)
    return not _POINTERS & set(case.batch) and all(len(x) == rows for x in case.batch.values())


def _rows(sample: Sample, order: Tensor) -> Sample:
    """Some rows of a sample, in an order; `group` of the result is not that of the rows."""
    names = ("run", "state", "action", "outcome", "turn_count")
    return dataclasses.replace(sample, **{name: getattr(sample, name)[order] for name in names})


def names_of_groups(case: Case) -> bool | None:
    """Whether the numbers of the groups are only names."""
    if "group" not in case.batch:
        return None
    group = case.batch["group"]
    return case.keeps({"group": 3 * (group.max() - group) + 5})


def names_of_anchors(case: Case) -> bool | None:
    """Whether the numbers of the states are only names."""
    if "anchor" not in case.batch:
        return None
    anchor = case.batch["anchor"]
    return case.keeps({"anchor": torch.where(anchor < 0, anchor, 3 * (anchor.max() - anchor) + 5)})


def groups_alone(case: Case) -> bool | None:
    """Whether other rows in one group change nothing in the other groups."""
    size, rows = case.sample.size, len(case.sample.state)
    order = torch.arange(rows)
    order[:size] = order[-size:]
    if not _movable(case):
        return None
    moved = {name: x if name == "group" else x[order] for name, x in case.batch.items()}
    return same(case.credit_of(moved, _rows(case.sample, order))[size:], case.credit[size:])


def padding_width(case: Case) -> bool:
    """Whether more turns and tokens after the end, all 0, change nothing."""
    turns = case.sample.state.shape[1]
    task = case.sample.task
    end = slice(len(task.states), len(task.states))
    longer = dataclasses.replace(task, levels=(*task.levels, *(end,) * _MORE_TURNS))
    walked = {
        name: torch.nn.functional.pad(getattr(case.sample, name), (0, _MORE_TURNS), value=-1)
        for name in ("state", "action", "outcome")
    }
    tokens = first_token(turns).stop
    wider = {name: _wider(name, x, turns, tokens) for name, x in case.batch.items()}
    found = case.credit_of(wider, dataclasses.replace(case.sample, task=longer, **walked))
    return same(found[:, :turns], case.credit)


def _wider(name: str, x: Tensor, turns: int, tokens: int) -> Tensor:
    """A tensor of turns or of tokens with more places at the end."""
    if x.ndim < 2 or x.shape[1] not in (turns, tokens):
        return x
    more = _MORE_TURNS if x.shape[1] == turns else _MORE_TURNS * (tokens // turns)
    ids = not x.is_floating_point() and x.dtype != torch.bool and bool((x == -1).any())
    empty = x.new_full((len(x), more, *x.shape[2:]), -1 if ids or name == "turn" else 0)
    return torch.cat([x, empty], 1)


def padding_content(case: Case) -> bool:
    """Whether NaN after the end changes nothing."""
    places = {tuple(real.shape): real for real in (case.sample.real, _real_tokens(case.sample))}
    changed = {
        name: torch.where(places[tuple(x.shape)], x, torch.nan)
        for name, x in case.batch.items()
        if x.is_floating_point() and tuple(x.shape) in places
    }
    return case.keeps(changed)


def _real_tokens(sample: Sample) -> Tensor:
    ones = torch.ones(sample.state.shape, dtype=torch.float64)
    return tokens_of(sample, ones, ones) > 0


def shift_of_rewards(case: Case) -> bool:
    """Whether a constant, earned at the end and foreseen by every prediction, changes nothing."""
    last = torch.arange(case.sample.state.shape[1]) == case.sample.turn_count[:, None] - 1
    shift = last.double() * 0.75
    nothing = torch.zeros_like(shift)
    at = {
        (len(shift),): torch.full((len(shift),), 0.75, dtype=torch.float64),
        tuple(shift.shape): shift,
        tuple(_real_tokens(case.sample).shape): tokens_of(case.sample, nothing, nothing, shift),
    }
    earned = case.rewards("reward")
    foreseen = case.rewards("prediction")
    every = {name: x + at[tuple(x.shape)] for name, x in earned.items() if tuple(x.shape) in at}
    return case.keeps({**every, **{name: x + 0.75 for name, x in foreseen.items()}})


def scale_of_rewards(case: Case) -> bool:
    """Whether three times the rewards and predictions give the same credit."""
    return same(_thrice(case), case.credit, _EQUAL_SCALED)


def proportional_to_rewards(case: Case) -> bool:
    """Whether three times the rewards and predictions give three times the credit."""
    return same(_thrice(case), 3 * case.credit, _EQUAL_SCALED)


def _thrice(case: Case) -> Tensor:
    rewards = case.rewards("reward", "prediction")
    return case.credit_of({name: 3 * x for name, x in rewards.items()})


def constant_groups(case: Case) -> bool | None:
    """Whether a group of equal rows gets exactly 0 in float32 and bfloat16.

    None where float64 gives such a group something: the estimator does not compare in a group.
    """
    if "group" not in case.batch:
        return None
    answers = [_constant(case, size) for size in _SIZES]
    return None if None in answers else all(answers)


def _constant(case: Case, size: int) -> bool | None:
    """Groups of equal rows, each of another reward 0.95^k, which no float holds exactly."""
    groups = 8
    row = _without_revisits(case.sample)
    picked = row.expand(groups * size)
    group = torch.arange(groups).repeat_interleave(size)
    factor = 0.95 ** (1.0 + group.double())
    batch = {name: x[picked] for name, x in case.batch.items()} | {"group": group}
    for name in case.rewards("reward"):
        x = batch[name]
        ones = (x != 0) | (x.ndim == 1)  # a reward of 0 stays where none was earned
        batch[name] = torch.where(ones, factor.view(-1, *(1,) * (x.ndim - 1)).expand_as(x), x)
    sample = _rows(case.sample, picked)
    exact = Case(case.subject, sample, batch).credit
    if float(exact.abs().max()) > EQUAL:
        return None
    return all(
        bool((Case(case.subject, sample, cast(batch, dtype)).credit == 0).all())
        for dtype in (torch.float32, torch.bfloat16)
        if accepts(case, dtype)
    )


def _without_revisits(sample: Sample) -> Tensor:
    """A row that meets no state twice, if there is one."""
    seen = torch.where(sample.real, sample.observation, -1 - torch.arange(sample.state.shape[1]))
    twice = [len(set(row.tolist())) < len(row) for row in seen]
    return torch.tensor(twice.index(False) if False in twice else 0)


def lone_rows(case: Case) -> bool | None:
    """Whether rows without another one in their group get 0."""
    if "group" not in case.batch or _constant(case, 3) is None:
        return None
    alone = torch.arange(len(case.sample.state))
    return float(case.credit_of({"group": alone}).abs().max()) <= EQUAL


class Invariance(NamedTuple):
    """A question about a case. moves: rows or columns move, and so would random numbers."""

    holds: Callable[[Case], bool | None]
    moves: bool = False


# A new invariance is one function and one entry.
INVARIANCES: dict[str, Invariance] = {
    "rows_within_a_group": Invariance(rows_within_a_group, moves=True),
    "rows_across_groups": Invariance(rows_across_groups, moves=True),
    "names_of_groups": Invariance(names_of_groups),
    "names_of_anchors": Invariance(names_of_anchors),
    "groups_alone": Invariance(groups_alone),
    "padding_width": Invariance(padding_width, moves=True),
    "padding_content": Invariance(padding_content),
    "shift_of_rewards": Invariance(shift_of_rewards),
    "scale_of_rewards": Invariance(scale_of_rewards),
    "proportional_to_rewards": Invariance(proportional_to_rewards),
    "constant_groups": Invariance(constant_groups, moves=True),
    "lone_rows": Invariance(lone_rows),
}


def check(case: Case) -> dict[str, bool | None]:
    """The answer to every invariance; None where the question makes no sense.

    It makes none for random numbers that rows and columns would have to take along, and where the
    estimator refuses the changed tensors.
    """
    answers: dict[str, bool | None] = {}
    for name, each in INVARIANCES.items():
        try:
            silent = case.subject.stochastic and each.moves
            answers[name] = None if silent else each.holds(case)
        except ContractError:
            answers[name] = None
    return answers
