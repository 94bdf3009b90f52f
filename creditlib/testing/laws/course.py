"""Laws of the course of a trajectory: earlier turns, further turns, what comes after the end."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.testing.changes import last_written
from creditlib.testing.draws import assume
from creditlib.testing.law import Law, law
from creditlib.testing.palettes import EXACT
from creditlib.testing.roles import grouped
from creditlib.testing.subject import Batch, Subject
from creditlib.testing.trial import Results, Trial

__all__ = ["LAWS"]


def _compares_turns(subject: Subject) -> bool:
    by_turn = [x for x in subject.tensors.values() if x.shapes[0].axes[1:] == (("turn", 0),)]
    return subject.has("turn_count") and "turn" not in subject.tensors and bool(by_turn)


def _has_a_course(subject: Subject) -> bool:
    """Credits turns or tokens for what came after them."""
    return not subject.factor and (_compares_turns(subject) or subject.has("turn", "token_reward"))


@law("TRL#6626", "AReaL#1666", when=_has_a_course)
def an_earlier_turn_changes_nothing_later(trial: Trial) -> None:
    """A discount counts from where credit goes, not from the start of the trajectory."""
    batch = trial.batch(families=EXACT, optional=False, exclude=("offsets",))
    row = trial.draws.whole(0, trial.rows(batch) - 1)
    axis = "token" if "turn" in batch else "turn"
    sizes = [batch[name].shape[1] for name in batch if trial.second_axis(batch, name) == axis]
    assume(sizes)
    longer = dict(batch)
    for name, x in batch.items():
        if trial.second_axis(batch, name) == axis:
            longer[name] = _prepended(name, x, row, _first(batch, row))
    if "turn_count" in batch:
        longer["turn_count"] = batch["turn_count"] + (torch.arange(len(batch["turn_count"])) == row)
    plain, late = trial(batch), trial(longer)
    start = _first(batch, row)
    trial.must_agree(
        _behind(plain, row, start, 0, sizes[0]),
        _behind(late, row, start, 1, sizes[0] + 1),
        "one more turn at the start, in which nothing was earned, changed later credit",
    )


def _first(batch: Batch, row: int) -> int:
    if "turn" not in batch:
        return 0
    written = (batch["turn"][row] >= 0).nonzero()
    return int(written[0]) if len(written) else 0


def _prepended(name: str, x: Tensor, row: int, start: int) -> Tensor:
    """A column more: in `row` one that was written and earned nothing, behind the others."""
    wide = torch.cat([x, x.new_full((len(x), 1), -1 if name == "turn" else 0)], 1)
    own = x[row].tolist()
    value = {"turn": max(own[start] if own else 0, 0), "anchor": -1, "present": 1}.get(name, 0)
    own.insert(start, value)
    wide[row] = torch.tensor(own, dtype=x.dtype)
    return wide


def _behind(results: Results, row: int, start: int, extra: int, width: int) -> Results:
    """A row's credit from its first turn on, and all of everybody else's."""
    found: list[Tensor] = []
    for part in results:
        if part.ndim == 2 and part.shape[1] == width:
            others = torch.cat([part[:row], part[row + 1 :]])
            found += [part[row, start + extra :], others[:, : width - extra]]
        elif part.ndim:
            found.append(part)
    return tuple(found)


def _grows(subject: Subject) -> bool:
    return (
        grouped(subject) and not subject.factor and subject.has_any("turn", "turn_count", "length")
    )


@law("verl-agent#138", "verl-agent#217", "agent-lightning#444", "miles#2378", when=_grows)
def long_trajectories_do_not_outvote_short_ones(trial: Trial) -> None:
    """A trajectory that takes longer for the same outcome moves the credit of nobody else."""
    batch = trial.batch(families=EXACT, optional=False, exclude=("offsets",))
    row = trial.draws.whole(0, trial.rows(batch) - 1)
    one = torch.arange(trial.rows(batch)) == row
    longer = dict(batch)
    for name, x in batch.items():
        axis = trial.second_axis(batch, name)
        if name in ("turn_count", "length"):
            longer[name] = x + one.to(x.dtype)
        elif axis in ("turn", "token"):
            longer[name] = _appended(batch, name, x, row, axis)
    others = (~one).nonzero()[:, 0]
    trial.must_agree(
        tuple(part[others] for part in trial(batch) if part.ndim),
        tuple(_narrow(part[others], batch) for part in trial(longer) if part.ndim),
        "a turn more in one trajectory, which changed no outcome, moved the credit of others",
    )


def _appended(batch: Batch, name: str, x: Tensor, row: int, axis: str) -> Tensor:
    """A column more: in `row` one that was written at the end and earned nothing."""
    wide = torch.cat([x, x.new_full((len(x), 1), -1 if name == "turn" else 0)], 1)
    if axis == "turn":
        at = int(batch["turn_count"][row]) if "turn_count" in batch else x.shape[1]
        value = {"anchor": -1, "turn_length": 1}.get(name, 0)
    elif "turn" not in batch:
        at, value = x.shape[1], 0
    else:
        at = int(last_written(batch["turn"])[row]) + 1
        last = max(int(batch["turn"][row].max()), 0) if name == "turn" else 0
        value = {"turn": last, "present": 1}.get(name, 0)
    own = x[row].tolist()
    own.insert(at, value)
    wide[row] = torch.tensor(own, dtype=x.dtype)
    return wide


def _narrow(part: Tensor, batch: Batch) -> Tensor:
    widths = {x.shape[1] for x in batch.values() if x.ndim == 2}
    return part[:, :-1] if part.ndim == 2 and part.shape[1] - 1 in widths else part


@law("TorchRL#2773", "TorchRL#4209", needs=("bootstrap", "turn"))
def only_the_flag_truncates(trial: Trial) -> None:
    """What comes after the last token is what `bootstrap` says; without it, nothing."""
    batch = trial.batch(families=EXACT, include=("turn", "bootstrap"), exclude=("offsets",))
    zero = {**batch, "bootstrap": torch.zeros_like(batch["bootstrap"])}
    twice = {**batch, "bootstrap": 2 * batch["bootstrap"]}
    without = trial({name: x for name, x in batch.items() if name != "bootstrap"})
    none = trial(zero)
    trial.must_agree(without, none, "a row that ended and a value of 0 after it differ")
    once = trial(batch)
    moved = tuple(2 * a - b for a, b in zip(once, none, strict=True))
    trial.must_agree(moved, trial(twice), "credit is not in proportion to the value after the end")
    written = trial.select(batch, (last_written(batch["turn"]) >= 0).nonzero()[:, 0])
    if bool((written["bootstrap"] != 0).any()) and all(
        bool((a == b).all()) for a, b in zip(once, none, strict=True)
    ):
        trial.broken("the value after the end changes no credit")


LAWS: tuple[Law, ...] = (
    an_earlier_turn_changes_nothing_later,
    long_trajectories_do_not_outvote_short_ones,
    only_the_flag_truncates,
)
