"""Laws of turns: additional turns, and the value after the end."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.testing.engine.law import Law, law
from creditlib.testing.engine.trial import Results, Trial
from creditlib.testing.generate.choices import assume
from creditlib.testing.generate.reward_values import EXACT
from creditlib.testing.generate.transforms import last_written
from creditlib.testing.laws.conditions import needs_groups
from creditlib.testing.subject import Batch, Subject

__all__ = ["LAWS"]


def _is_turn_level(subject: Subject) -> bool:
    by_turn = [x for x in subject.tensors.values() if x.shapes[0].axes[1:] == (("turn", 0),)]
    return subject.has("turn_count") and "turn" not in subject.tensors and bool(by_turn)


def _credits_steps(subject: Subject) -> bool:
    """The function credits turns or tokens."""
    return not subject.factor and (_is_turn_level(subject) or subject.has("turn", "token_reward"))


@law("TRL#6626", "AReaL#1666", when=_credits_steps, tier="invariance")
def an_earlier_turn_changes_nothing_later(trial: Trial) -> None:
    """An additional first turn without reward does not change later credit."""
    batch = trial.batch(families=EXACT, optional=False, exclude=("offsets",))
    row = trial.draws.integer(0, trial.rows(batch) - 1)
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
        _later(plain, row, start, 0, sizes[0]),
        _later(late, row, start, 1, sizes[0] + 1),
        "an additional first turn without reward changed later credit",
    )


def _first(batch: Batch, row: int) -> int:
    if "turn" not in batch:
        return 0
    written = (batch["turn"][row] >= 0).nonzero()
    return int(written[0]) if len(written) else 0


def _prepended(name: str, x: Tensor, row: int, start: int) -> Tensor:
    """One more column: in `row` a first one without reward, in the other rows a last one."""
    wide = torch.cat([x, x.new_full((len(x), 1), -1 if name == "turn" else 0)], 1)
    own = x[row].tolist()
    value = {"turn": max(own[start] if own else 0, 0), "anchor": -1, "present": 1}.get(name, 0)
    own.insert(start, value)
    wide[row] = torch.tensor(own, dtype=x.dtype)
    return wide


def _later(results: Results, row: int, start: int, extra: int, width: int) -> Results:
    """The credit of a row from its first turn on, and the credit of all other rows."""
    found: list[Tensor] = []
    for part in results:
        if part.ndim == 2 and part.shape[1] == width:
            others = torch.cat([part[:row], part[row + 1 :]])
            found += [part[row, start + extra :], others[:, : width - extra]]
        elif part.ndim:
            found.append(part)
    return tuple(found)


def _can_be_longer(subject: Subject) -> bool:
    return (
        needs_groups(subject)
        and not subject.factor
        and subject.has_any("turn", "turn_count", "length")
    )


@law(
    "verl-agent#138",
    "verl-agent#217",
    "agent-lightning#444",
    "miles#2378",
    when=_can_be_longer,
    tier="invariance",
)
def long_trajectories_do_not_outvote_short_ones(trial: Trial) -> None:
    """An additional turn of one trajectory does not change the credit of the others."""
    batch = trial.batch(families=EXACT, optional=False, exclude=("offsets",))
    row = trial.draws.integer(0, trial.rows(batch) - 1)
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
        "an additional turn without reward changed the credit of other trajectories",
    )


def _appended(batch: Batch, name: str, x: Tensor, row: int, axis: str) -> Tensor:
    """One more column: in `row` a last turn or token without reward."""
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


@law("TorchRL#2773", "TorchRL#4209", needs=("bootstrap", "turn"), tier="invariance")
def only_the_flag_truncates(trial: Trial) -> None:
    """The value after the last token is `bootstrap`, and 0 without it."""
    batch = trial.batch(families=EXACT, include=("turn", "bootstrap"), exclude=("offsets",))
    zero = {**batch, "bootstrap": torch.zeros_like(batch["bootstrap"])}
    twice = {**batch, "bootstrap": 2 * batch["bootstrap"]}
    without = trial({name: x for name, x in batch.items() if name != "bootstrap"})
    none = trial(zero)
    trial.must_agree(without, none, "a `bootstrap` of 0 gives other credit than no `bootstrap`")
    once = trial(batch)
    moved = tuple(2 * a - b for a, b in zip(once, none, strict=True))
    trial.must_agree(moved, trial(twice), "credit is not linear in `bootstrap`")
    written = trial.select(batch, (last_written(batch["turn"]) >= 0).nonzero()[:, 0])
    if bool((written["bootstrap"] != 0).any()) and all(
        bool((a == b).all()) for a, b in zip(once, none, strict=True)
    ):
        trial.broken("`bootstrap` changes no credit")


LAWS: tuple[Law, ...] = (
    an_earlier_turn_changes_nothing_later,
    long_trajectories_do_not_outvote_short_ones,
    only_the_flag_truncates,
)
