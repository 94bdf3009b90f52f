"""Laws of weights: their sign, their mean and equal units.

A unit is what one weight belongs to: a trajectory, a turn or a token that the policy wrote.
"""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.testing.engine.law import Law, law
from creditlib.testing.engine.trial import Trial
from creditlib.testing.generate.choices import reject
from creditlib.testing.subject import Batch, Subject
from creditlib.testing.tolerances import agree

__all__ = ["LAWS", "unit_of", "units"]

_STRUCTURE = ("turn", "present")  # equal values leave them as they are


def _is_factor(subject: Subject) -> bool:
    return subject.factor and unit_of(subject) != ""


def unit_of(subject: Subject) -> str:
    """What one weight belongs to: "token", "turn" or "trajectory"; an option `level` chooses it."""
    chosen = {**subject.defaults(), **subject.fixed}.get("level", subject.level)
    return chosen if chosen in ("token", "turn", "trajectory") else subject.level


def units(trial: Trial, batch: Batch, part: Tensor) -> Tensor:
    """The units that exist, like the result: bool[batch], [batch turn], [batch token] or [token].

    A trajectory is a unit unless the function sees that the policy wrote no token of it.
    """
    rows, unit = trial.rows(batch), unit_of(trial.subject)
    turn = batch.get("turn")
    valid = batch.get("valid", torch.ones(rows, dtype=torch.bool))
    if unit == "turn" and "turn_count" in batch:
        return (torch.arange(part.shape[1]) < batch["turn_count"][:, None]) & valid[:, None]
    if turn is None:
        return valid
    row = torch.arange(rows)
    if "offsets" in batch:
        row = row.repeat_interleave(batch["offsets"].diff())
    else:
        row = row[:, None].expand_as(turn)
    written = (turn >= 0) & valid[row]
    if unit == "token":
        return written
    exists = torch.zeros(part.shape, dtype=torch.bool)
    at = (row[written],) if unit == "trajectory" else (row[written], turn[written])
    exists[at] = True
    return exists


def _of_equal_values(trial: Trial, batch: Batch) -> Batch:
    """The first trajectory in each row, with the value of its first unit at each of its units."""
    rows = trial.rows(batch)
    structure = {name: batch[name] for name in ("group", "valid") if name in batch}
    same = {**trial.select(batch, torch.zeros(rows, dtype=torch.int64)), **structure}
    for name, x in same.items():
        axis = trial.axes(name, x)[1:2]
        if name in _STRUCTURE or not x.numel() or axis not in ((("turn", 0),), (("token", 0),)):
            continue
        first = 0 if axis == (("turn", 0),) else _first_written(same)
        same[name] = x[:, first : first + 1].expand_as(x).contiguous()
    return same


def _first_written(batch: Batch) -> int:
    written = (batch["turn"][0] >= 0).nonzero() if "turn" in batch else torch.zeros(0, 1)
    return int(written[0, 0]) if len(written) else reject()


@law("NeMo-RL#2269", "OpenRLHF#1298", when=_is_factor, tier="property")
def weights_are_not_negative(trial: Trial) -> None:
    """Weights are non-negative."""
    for part in trial(trial.batch()):
        if bool((part < 0).any()):
            trial.broken(f"a weight is {float(part.min()):.3g}")


@law("NeMo-RL#2269", when=_is_factor, tier="property")
def equal_turns_weigh_one(trial: Trial) -> None:
    """Turns with equal values have a weight of exactly 1, and so have tokens and trajectories."""
    same = _of_equal_values(trial, trial.batch(exclude=("offsets",)))
    for part in trial(same):
        if bool((part[units(trial, same, part)] != 1).any()):
            some = _PLURAL[unit_of(trial.subject)]
            trial.broken(f"{some} with equal values have a weight other than 1")


@law("NeMo-RL#2269", "OpenRLHF#1298", when=_is_factor, tier="property")
def weights_keep_the_total(trial: Trial) -> None:
    """The mean weight of the turns is 1, or that of the tokens or trajectories."""
    batch = trial.batch()
    for part in trial(batch):
        real = units(trial, batch, part)
        mean = part[real].double().mean()
        if int(real.sum()) and not agree(mean.to(part.dtype), torch.ones((), dtype=part.dtype)):
            some = _PLURAL[unit_of(trial.subject)]
            trial.broken(f"the mean weight of the {some} is {float(mean):.4g}")


_PLURAL = {"token": "tokens", "turn": "turns", "trajectory": "trajectories"}
LAWS: tuple[Law, ...] = (weights_are_not_negative, equal_turns_weigh_one, weights_keep_the_total)
