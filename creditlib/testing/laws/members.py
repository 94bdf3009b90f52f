"""Laws of who is compared with whom: groups, excluded trajectories, order and labels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from creditlib.testing.changes import changed
from creditlib.testing.law import Law, law
from creditlib.testing.palettes import EXACT
from creditlib.testing.roles import grouped
from creditlib.testing.subject import Batch, Subject
from creditlib.testing.trial import Results, Trial

__all__ = ["LAWS"]

_RELABEL: dict[str, Callable[[Tensor], Tensor]] = {
    "far apart": lambda ids: ids * 2**50 - 2**40,
    "far up, close together": lambda ids: ids + 2**60,
    "in reverse": lambda ids: 1000 - ids,
    "close together": lambda ids: ids * 3 + 5,
}


def _alone(subject: Subject) -> bool:
    return not grouped(subject) and not subject.factor


def _rows(trial: Trial, results: Results, batch: Batch, index: Tensor) -> Results:
    """The results of some trajectories; a result that has no rows is nobody's."""
    rows = trial.rows(batch)
    return tuple(part[index] for part in results if part.ndim and part.shape[0] == rows)


@law("prime-rl#600", "verl#7956")
def order_does_not_matter(trial: Trial) -> None:
    """Trajectories in another order get the same credit, in that order."""
    batch = trial.batch(families=EXACT, exclude=("offsets",), least=2)
    rows = trial.rows(batch)
    order = torch.arange(rows).roll(trial.draws.whole(1, rows))
    if trial.draws.flag():
        order = order.flip(0)
    plain = trial(batch)
    wanted = tuple(part[order] if part.ndim else part for part in plain)
    moved = trial(trial.select(batch, order))
    trial.must_agree(wanted, moved, "credit depends on the order of rows")


@law("rLLM#924", "NeMo-RL#3882", needs=("group",))
def labels_do_not_matter(trial: Trial) -> None:
    """Ids say who belongs together: any other ids that say the same give the same credit."""
    batch = trial.batch(families=EXACT, exclude=("offsets",))
    how = trial.draws.one_of(sorted(_RELABEL))
    if "group" not in batch:
        return
    other = {**batch, "group": _RELABEL[how](batch["group"])}
    if "anchor" in batch:
        ids = batch["anchor"]
        other["anchor"] = torch.where(ids >= 0, ids * 2**40 + 3, ids)
    plain, result = trial(batch), trial.attempt(other)
    if isinstance(result, str):
        trial.broken(f"ids that lie {how} were refused: {result}")
    trial.must_agree(plain, result, f"ids that lie {how} changed the credit")


@law("slime#1414", "NeMo-RL#3882", when=grouped)
def groups_do_not_hear_each_other(trial: Trial) -> None:
    """Whatever happens in one group changes nothing in another."""
    batch = trial.batch(families=EXACT, exclude=("offsets",), least=2)
    own = batch["group"] == batch["group"][0]
    other = {
        name: x if name in _SHAPE else _kept(trial, name, x, ~own) for name, x in batch.items()
    }
    first, second = trial(batch), trial(other)
    mine = own.nonzero()[:, 0]
    trial.must_agree(
        _rows(trial, first, batch, mine),
        _rows(trial, second, batch, mine),
        "other rewards in one group changed the credit of another group",
    )


# What makes the batch one batch stays when values change.
_SHAPE = ("group", "valid", "turn", "turn_count", "turn_length", "length", "present")


def _kept(trial: Trial, name: str, x: Tensor, where: Tensor) -> Tensor:
    """Other values in some rows, of the argument's range."""
    word = trial.subject.tensors[name].word
    if (word is not None and word.high is not None) or not trial.by_row(name, x):
        return x
    return changed(x, where)


@law("slime#2230", "slime#1414", when=grouped)
def a_new_group_changes_nothing(trial: Trial) -> None:
    """A further group in the batch leaves the credit of the others as it was."""
    batch = trial.batch(families=EXACT, exclude=("offsets",), least=2)
    own = (batch["group"] != batch["group"][-1]).nonzero()[:, 0]
    both = _rows(trial, trial(batch), batch, own)
    without = trial(trial.select(batch, own))
    trial.must_agree(
        both,
        tuple(part for part in without if part.ndim),
        "a further group in the batch changed the credit of the others",
    )


@law("AReaL#1419", "slime#1414", "prime-rl#1047", when=grouped)
def groups_may_be_computed_apart(trial: Trial) -> None:
    """One call for all groups equals one call for each: groups of any sizes, on any ranks."""
    batch = trial.batch(families=EXACT, exclude=("offsets",), least=2, most=10)
    whole = trial(batch)
    for group in batch["group"].unique():
        mine = (batch["group"] == group).nonzero()[:, 0]
        part = trial(trial.select(batch, mine))
        trial.must_agree(
            _rows(trial, whole, batch, mine),
            tuple(x for x in part if x.ndim),
            "a group on its own gets other credit than among others",
        )


@law("prime-rl#2392", "TorchRL#4209", when=_alone)
def trajectories_may_be_computed_apart(trial: Trial) -> None:
    """Without groups, a trajectory on its own gets the credit that it gets among others."""
    batch = trial.batch(families=EXACT, exclude=("offsets",), least=2)
    row = torch.tensor([trial.draws.whole(0, trial.rows(batch) - 1)])
    whole, alone = trial(batch), trial(trial.select(batch, row))
    mine = tuple(part[row] if part.ndim else part for part in whole)
    trial.must_agree(mine, alone, "a row on its own gets other credit than among others")


@law("verl#6452", "TRL#5902", "slime#657", needs=("valid",))
def excluded_trajectories_are_absent(trial: Trial) -> None:
    """An excluded trajectory gets exactly 0 and moves nobody, whatever its numbers are."""
    batch = trial.batch(families=EXACT, include=("valid",), exclude=("offsets",), least=2)
    valid = batch["valid"]
    for name, x in batch.items():
        if x.is_floating_point() and trial.by_row(name, x):
            mask = valid.view(-1, *[1] * (x.ndim - 1))
            batch[name] = torch.where(mask, x, torch.nan)
    out, inside = (~valid).nonzero()[:, 0], valid.nonzero()[:, 0]
    result = trial(batch)
    if any(bool((part != 0).any()) for part in _rows(trial, result, batch, out)):
        trial.broken("a trajectory that takes no part got credit")
    kept = trial.select({name: x for name, x in batch.items() if name != "valid"}, inside)
    trial.must_agree(
        _rows(trial, result, batch, inside),
        tuple(part for part in trial(kept) if part.ndim),
        "a trajectory that takes no part moved the others",
    )


@law("verl#7956", "SkyRL#1492")
def equal_trajectories_get_equal_credit(trial: Trial) -> None:
    """Two trajectories of a group with the same numbers get the same credit."""
    batch = trial.batch(families=EXACT, exclude=("offsets",))
    rows = trial.rows(batch)
    twice = trial(trial.select(batch, torch.arange(rows).repeat(2)))
    first = tuple(part[:rows] for part in twice if part.ndim)
    second = tuple(part[rows:] for part in twice if part.ndim)
    trial.must_agree(first, second, "two equal trajectories of one group got different credit")


LAWS: tuple[Law, ...] = (
    order_does_not_matter,
    labels_do_not_matter,
    groups_do_not_hear_each_other,
    a_new_group_changes_nothing,
    groups_may_be_computed_apart,
    trajectories_may_be_computed_apart,
    excluded_trajectories_are_absent,
    equal_trajectories_get_equal_credit,
)
