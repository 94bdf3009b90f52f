"""An estimator on a small batch, whose tensors may be changed."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from creditlib.audit.sample import Sample
from creditlib.audit.subject import Audited
from creditlib.audit.tensors import BatchTensors
from creditlib.vocabulary.annotations import describe
from creditlib.vocabulary.words import ARGUMENTS

__all__ = ["EQUAL", "Case", "accepts", "case_of", "cast", "same"]

EQUAL = 1e-9  # relative to the largest credit
_ALWAYS = ("reward", "turn_reward", "turn_count")  # what a shaped reward takes the place of


@dataclass(frozen=True, eq=False)
class Case:
    """An estimator, trajectories, their tensors, and its credit of them, float64[batch turn]."""

    subject: Audited
    sample: Sample
    batch: Mapping[str, Tensor]

    @functools.cached_property
    def credit(self) -> Tensor:
        """The credit of the batch as it is."""
        return self.credit_of({})

    def credit_of(self, changed: Mapping[str, Tensor], sample: Sample | None = None) -> Tensor:
        """The credit after a change, with the same seed."""
        generator = torch.Generator().manual_seed(0)
        batch = {**self.batch, **changed}
        return self.subject.credit_of(sample or self.sample, batch, generator)

    def keeps(self, changed: Mapping[str, Tensor]) -> bool:
        """Whether a change of tensors leaves the credit as it is."""
        return same(self.credit_of(changed), self.credit)

    def rewards(self, *units: str) -> dict[str, Tensor]:
        """The tensors whose unit is a reward, or a prediction of one."""
        return {name: x for name, x in self.batch.items() if _unit(name) in units}


def case_of(subject: Audited, sample: Sample) -> Case:
    """The case of sampled trajectories, with the tensors that the estimator asks for."""
    tensors = BatchTensors(sample)
    names = {*subject.needs, *(subject.on.needs if subject.on is not None else ()), *_ALWAYS}
    batch = {name: tensors[name] for name in sorted(names) if name in tensors}
    return Case(subject, sample, batch)


def same(first: Tensor, second: Tensor, relative: float = EQUAL) -> bool:
    """Whether two credits are finite and equal, relative to the largest.

    >>> same(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 1e-12]))
    True
    """
    if not bool((first.isfinite() & second.isfinite()).all()):
        return False
    size = max(float(first.abs().max()), float(second.abs().max()), 1e-30)
    return float((first - second).abs().max()) <= relative * size


def accepts(case: Case, dtype: torch.dtype) -> bool:
    """Whether the estimator takes numbers of a dtype."""
    try:
        return Case(case.subject, case.sample, cast(case.batch, dtype)).credit.ndim == 2
    except (TypeError, ValueError, RuntimeError):
        return False


def cast(batch: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """The tensors with numbers of another dtype."""
    return {name: x.to(dtype) if x.is_floating_point() else x for name, x in batch.items()}


def _unit(name: str) -> str:
    """The unit of a tensor of the vocabulary: "reward", "prediction" or ""."""
    spec = describe(name, ARGUMENTS[name]).spec if name in ARGUMENTS else None
    return spec.unit if spec is not None else ""
