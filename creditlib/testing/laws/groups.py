"""Laws of groups: independence, ids, order of rows and invalid trajectories."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from creditlib.testing.engine.law import Law, law
from creditlib.testing.engine.trial import Results, Trial
from creditlib.testing.generate.choices import assume
from creditlib.testing.generate.reward_values import EXACT
from creditlib.testing.generate.transforms import changed
from creditlib.testing.laws.conditions import needs_groups
from creditlib.testing.subject import Batch, Subject

__all__ = ["LAWS"]

_RELABEL: dict[str, Callable[[Tensor], Tensor]] = {
    "close together": lambda ids: ids * 3 + 5,
    "far apart": lambda ids: ids * 2**50 - 2**40,
    "large and close together": lambda ids: ids + 2**60,
    "in reverse order": lambda ids: 1000 - ids,
}


# Of these ids a negative one says that there is none.
_OR_NONE = ("anchor", "action", "answer", "cluster", "rollout", "branch_of")


def _has_no_groups(subject: Subject) -> bool:
    return not needs_groups(subject) and not subject.factor


def _rows(trial: Trial, results: Results, batch: Batch, index: Tensor) -> Results:
    """The results of some trajectories, without results that have no batch axis."""
    rows = trial.rows(batch)
    return tuple(part[index] for part in results if part.ndim and part.shape[0] == rows)


@law("prime-rl#600", "verl#7956", tier="invariance")
def order_does_not_matter(trial: Trial) -> None:
    """The order of the trajectories does not change their credit."""
    batch = trial.batch(families=EXACT, exclude=("offsets",), least=2)
    rows = trial.rows(batch)
    order = torch.arange(rows).roll(trial.draws.integer(1, rows))
    if trial.draws.boolean():
        order = order.flip(0)
    other = trial.select(batch, order)
    # Equal rows that change places are the subject of `equal_trajectories_get_equal_credit`.
    assume(any(not torch.equal(x, other[name]) for name, x in batch.items()))
    plain = trial(batch)
    wanted = tuple(part[order] if part.ndim else part for part in plain)
    moved = trial(other)
    trial.must_agree(wanted, moved, "credit depends on the order of rows")


@law("rLLM#924", "NeMo-RL#3882", needs=("group",), tier="invariance")
def labels_do_not_matter(trial: Trial) -> None:
    """Other ids for the same groups, states, actions and rollouts give the same credit."""
    batch = trial.batch(families=EXACT, exclude=("offsets",))
    how = trial.draws.one_of(tuple(_RELABEL))
    if "group" not in batch:
        return
    other = {**batch, "group": _RELABEL[how](batch["group"])}
    for name in (*_OR_NONE, "node", "tree", "agent", "label", "token_ids"):
        if name in batch:
            ids = batch[name]
            other[name] = torch.where((ids >= 0) | (name not in _OR_NONE), ids * 2**40 + 3, ids)
    plain, result = trial(batch), trial.attempt(other)
    if isinstance(result, str):
        trial.broken(f"group ids that are {how} were refused: {result}")
    trial.must_agree(plain, result, f"group ids that are {how} changed the credit")


@law("slime#1414", "NeMo-RL#3882", when=needs_groups, tier="invariance")
def groups_are_independent(trial: Trial) -> None:
    """The values of one group do not change the credit of another group."""
    batch = trial.batch(families=EXACT, exclude=("offsets",), least=2)
    own = batch["group"] == batch["group"][0]
    other = {
        name: x if name in _STRUCTURE else _other_values(trial, name, x, ~own)
        for name, x in batch.items()
    }
    first, second = trial(batch), trial(other)
    mine = own.nonzero()[:, 0]
    trial.must_agree(
        _rows(trial, first, batch, mine),
        _rows(trial, second, batch, mine),
        "other values in one group changed the credit of another group",
    )


# These tensors must agree with each other, so they do not change.
_STRUCTURE = (
    *("group", "valid", "turn", "turn_count", "turn_length", "length", "present"),
    *("rollout", "branch_of", "branch_at", "call_count", "target_count"),
)


def _other_values(trial: Trial, name: str, x: Tensor, where: Tensor) -> Tensor:
    """Other values in some rows, if the argument's range allows them."""
    spec = trial.subject.tensors[name].spec
    if (spec is not None and spec.high is not None) or not trial.by_row(name, x):
        return x
    return changed(x, where)


@law("slime#2230", "slime#1414", when=needs_groups, tier="invariance")
def a_new_group_changes_nothing(trial: Trial) -> None:
    """An additional group in the batch does not change the credit of the other groups."""
    batch = trial.batch(families=EXACT, exclude=("offsets",), least=2)
    own = (batch["group"] != batch["group"][-1]).nonzero()[:, 0]
    both = _rows(trial, trial(batch), batch, own)
    without = trial(trial.select(batch, own))
    trial.must_agree(
        both,
        tuple(part for part in without if part.ndim),
        "an additional group in the batch changed the credit of the other groups",
    )


@law("AReaL#1419", "slime#1414", "prime-rl#1047", when=needs_groups, tier="invariance")
def groups_may_be_computed_apart(trial: Trial) -> None:
    """One call for all groups gives the same credit as one call for each group."""
    batch = trial.batch(families=EXACT, exclude=("offsets",), least=2, most=10)
    whole = trial(batch)
    for group in batch["group"].unique():
        mine = (batch["group"] == group).nonzero()[:, 0]
        part = trial(trial.select(batch, mine))
        trial.must_agree(
            _rows(trial, whole, batch, mine),
            tuple(x for x in part if x.ndim),
            "a group computed alone gets other credit than in the batch",
        )


@law("prime-rl#2392", "TorchRL#4209", when=_has_no_groups, tier="invariance")
def trajectories_may_be_computed_apart(trial: Trial) -> None:
    """Without groups, a trajectory computed alone gets the same credit as in the batch."""
    batch = trial.batch(families=EXACT, exclude=("offsets",), least=2)
    row = torch.tensor([trial.draws.integer(0, trial.rows(batch) - 1)])
    whole, alone = trial(batch), trial(trial.select(batch, row))
    mine = tuple(part[row] if part.ndim else part for part in whole)
    trial.must_agree(mine, alone, "a trajectory computed alone gets other credit than in the batch")


@law("verl#6452", "TRL#5902", "slime#657", needs=("valid",), tier="invariance")
def excluded_trajectories_are_absent(trial: Trial) -> None:
    """An invalid trajectory gets exactly zero credit and changes no credit of the others."""
    batch = trial.batch(families=EXACT, include=("valid",), exclude=("offsets",), least=2)
    valid = batch["valid"]
    for name, x in batch.items():
        if x.is_floating_point() and trial.by_row(name, x):
            mask = valid.view(-1, *[1] * (x.ndim - 1))
            batch[name] = torch.where(mask, x, torch.nan)
    out, inside = (~valid).nonzero()[:, 0], valid.nonzero()[:, 0]
    result = trial(batch)
    if any(bool((part != 0).any()) for part in _rows(trial, result, batch, out)):
        trial.broken("an invalid trajectory got credit")
    kept = trial.select({name: x for name, x in batch.items() if name != "valid"}, inside)
    trial.must_agree(
        _rows(trial, result, batch, inside),
        tuple(part for part in trial(kept) if part.ndim),
        "an invalid trajectory changed the credit of the others",
    )


@law("verl#7956", "SkyRL#1492", tier="invariance")
def equal_trajectories_get_equal_credit(trial: Trial) -> None:
    """Two trajectories of a group with the same values get the same credit."""
    batch = trial.batch(families=EXACT, exclude=("offsets",))
    rows = trial.rows(batch)
    twice = trial(trial.select(batch, torch.arange(rows).repeat(2)))
    first = tuple(part[:rows] for part in twice if part.ndim)
    second = tuple(part[rows:] for part in twice if part.ndim)
    trial.must_agree(first, second, "two equal trajectories of one group got different credit")


LAWS: tuple[Law, ...] = (
    order_does_not_matter,
    labels_do_not_matter,
    groups_are_independent,
    a_new_group_changes_nothing,
    groups_may_be_computed_apart,
    trajectories_may_be_computed_apart,
    excluded_trajectories_are_absent,
    equal_trajectories_get_equal_credit,
)
