"""Laws of weights: their sign, their mean and equal turns."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.testing.engine.law import Law, law
from creditlib.testing.engine.trial import Trial
from creditlib.testing.subject import Batch, Subject
from creditlib.testing.tolerances import agree

__all__ = ["LAWS"]


def _is_factor(subject: Subject) -> bool:
    return subject.factor and subject.has("turn_count")


def _real(batch: Batch, width: int) -> Tensor:
    real = torch.arange(width) < batch["turn_count"][:, None]
    return real & batch["valid"][:, None] if "valid" in batch else real


@law("NeMo-RL#2269", "OpenRLHF#1298", when=_is_factor, tier="property")
def weights_are_not_negative(trial: Trial) -> None:
    """Weights are non-negative."""
    for part in trial(trial.batch()):
        if bool((part < 0).any()):
            trial.broken(f"a weight is {float(part.min()):.3g}")


@law("NeMo-RL#2269", when=_is_factor, tier="property")
def equal_turns_weigh_one(trial: Trial) -> None:
    """Turns with equal values have a weight of exactly 1."""
    batch = trial.batch()
    rows = trial.rows(batch)
    structure = {name: batch[name] for name in ("group", "valid") if name in batch}
    same = {**trial.select(batch, torch.zeros(rows, dtype=torch.int64)), **structure}
    for name, x in same.items():
        if x.ndim == 2 and x.shape[1]:
            same[name] = x[:, :1].expand_as(x).contiguous()
    for part in trial(same):
        if bool((part[_real(same, part.shape[1])] != 1).any()):
            trial.broken("turns with equal values have a weight other than 1")


@law("NeMo-RL#2269", "OpenRLHF#1298", when=_is_factor, tier="property")
def weights_keep_the_total(trial: Trial) -> None:
    """The mean weight of the turns is 1."""
    batch = trial.batch()
    for part in trial(batch):
        real = _real(batch, part.shape[1])
        mean = part[real].double().mean()
        if int(real.sum()) and not agree(mean.to(part.dtype), torch.ones((), dtype=part.dtype)):
            trial.broken(f"the mean weight of the turns is {float(mean):.4g}")


LAWS: tuple[Law, ...] = (weights_are_not_negative, equal_turns_weigh_one, weights_keep_the_total)
