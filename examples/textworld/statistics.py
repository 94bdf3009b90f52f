"""Means over seeds with 95 % confidence intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from creditlib.vocabulary.install_hint import install_hint
from creditlib.vocabulary.messages import ContractError

__all__ = ["Interval", "interval"]


@dataclass(frozen=True)
class Interval:
    """A mean and half the width of its 95 % confidence interval."""

    mean: float
    half: float

    @property
    def contains_zero(self) -> bool:
        """Whether the interval contains 0."""
        return abs(self.mean) <= self.half

    def percent(self, *, sign: bool = False) -> str:
        """Such as '62.5 ± 3.1'.

        >>> Interval(mean=0.625, half=0.031).percent()
        '62.5 ± 3.1'
        """
        mean = f"{100 * self.mean:+.1f}" if sign else f"{100 * self.mean:.1f}"
        return f"{mean} ± {100 * self.half:.1f}"


def interval(values: Tensor) -> Interval:
    """Student's t interval of independent values: mean ± t(n − 1) · std / √n.

    >>> import torch
    >>> interval(torch.tensor([1.0, 2.0, 3.0])).percent()
    '200.0 ± 248.4'
    """
    try:
        from scipy import stats  # pyright: ignore[reportMissingTypeStubs]
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"demo: SciPy must be installed: {install_hint('demo')}.", name=error.name
        ) from None
    distribution: Any = stats.t
    seeds = values.numel()
    if seeds < 2:
        raise ContractError(f"interval: `values` must be at least 2, got {seeds}.")
    quantile = float(distribution.ppf(0.975, seeds - 1))
    spread = float(values.double().std(correction=1))
    return Interval(float(values.double().mean()), quantile * spread / seeds**0.5)
