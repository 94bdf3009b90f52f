"""Moments that add up: batches seen one after the other, or by several processes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from creditlib.vocabulary.annotations import LARGEST
from creditlib.vocabulary.messages import contract_error, describe_value

__all__ = ["Moments"]


@dataclass(frozen=True)
class Moments:
    """The moments of values that were seen in parts: for whitening and for the scale of a batch.

        count = Σ w;  mean = Σ w x / Σ w;  square = Σ w (x − mean)²;  low, high = extremes of x

    `add` takes a tensor, `merge` the moments of another part (Chan, Golub and LeVeque 1979):

        d = mean₂ − mean₁;  mean = mean₁ + d n₂ / n;  square = square₁ + square₂ + d² n₁ n₂ / n

    Both return new moments. The order of the parts changes nothing beyond rounding, and equal
    values have exactly their mean and the square 0. All numbers are float64, kept as Python floats.

    Degenerate cases: moments of nothing have count 0, mean 0, low inf and high −inf, and merging
    them changes nothing.

    >>> import torch
    >>> first = Moments().add(torch.tensor([1.0, 3.0]))
    >>> both = first.merge(Moments().add(torch.tensor([5.0])))
    >>> both
    Moments(count=3.0, mean=3.0, square=8.0, low=1.0, high=5.0)
    >>> both.numbers(eps=0.0), both.std()
    ((3.0, 0.5), 2.0)
    """

    count: float = 0.0
    mean: float = 0.0
    square: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    def add(self, values: Tensor, weight: Tensor | None = None) -> Moments:
        """The moments with the values of a tensor of any shape added.

        `weight` has the shape of `values`: a mask, token counts, or any factors of at least 0; None
        counts each value once. A value of weight 0 is not read, even NaN. A GPU is waited for.

        Args:
            values: […]; float values of any shape.
            weight: […]; how often each value counts, as in `whiten`; once without it.

        Errors: a ContractError if a value that counts is not finite, a weight is below 0 or NaN, or
        the shapes differ.

        >>> import torch
        >>> Moments().add(torch.tensor([1.0, torch.nan]), torch.tensor([2, 0]))
        Moments(count=2.0, mean=1.0, square=0.0, low=1.0, high=1.0)
        """
        x, w = _counted(values, weight)
        if not x.size:
            return self
        low, high, count = float(x.min()), float(x.max()), float(w.sum())
        offset = float((w * (x - low)).sum()) / count  # equal values have the offset 0
        square = float((w * (x - low - offset) ** 2).sum())
        return self.merge(Moments(count, low + offset, square, low, high))

    def merge(self, other: Moments) -> Moments:
        """The moments of both parts together.

        Args:
            other: the moments of another part.

        >>> import torch
        >>> one, other = (Moments().add(torch.tensor([x, x + 2])) for x in (0.0, 4.0))
        >>> one.merge(other) == other.merge(one)
        True
        """
        if not isinstance(other, Moments):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise contract_error("Moments.merge", "other", "Moments", describe_value(other))
        if not self.count or not other.count:
            return other if other.count else self
        count = self.count + other.count
        gap = other.mean - self.mean
        return Moments(
            count,
            self.mean + gap * (other.count / count),
            self.square + other.square + gap * gap * (self.count * (other.count / count)),
            min(self.low, other.low),
            max(self.high, other.high),
        )

    def numbers(self, eps: float = 1e-8) -> tuple[float, float]:
        """(mean, rstd) as `creditlib.algebra.whitening_stats` gives them for all parts at once.

            rstd = (square / (count − 1) + eps)^(−1/2)

        Whitened credit is (credit − mean) · rstd.

        Args:
            eps: is added to the variance, at least 0.

        Degenerate cases: a count of at most 1 has the variance 0; where variance and eps are 0,
        rstd is 0.

        >>> Moments(count=3.0, mean=3.0, square=8.0).numbers(eps=0.0)
        (3.0, 0.5)
        """
        if not (isinstance(eps, (int, float)) and eps >= 0):
            raise contract_error("Moments.numbers", "eps", "a number of at least 0", repr(eps))
        variance = self.square / (self.count - 1) if self.count > 1 else 0.0
        return self.mean, (variance + eps) ** -0.5 if variance + eps > 0 else 0.0

    def std(self, ddof: int = 1) -> float:
        """The deviation √(square / (count − ddof)): what `grpo` with scale_over="batch" divides by.

        `ddof`: 1 (default) or 0. Where count is at most ddof, it is 0.

        Args:
            ddof: n − ddof divides the sum of squared deviations, 0 or 1.

        >>> Moments(count=3.0, mean=3.0, square=8.0).std()
        2.0
        """
        if ddof not in (0, 1):
            raise contract_error("Moments.std", "ddof", "0 or 1", repr(ddof))
        return math.sqrt(self.square / (self.count - ddof)) if self.count > ddof else 0.0


def _counted(values: Tensor, weight: Tensor | None) -> tuple[np.ndarray, np.ndarray]:
    """The values that count and their weights, as float64 on the host."""
    name = "Moments.add"
    for argument, tensor in (("values", values), ("weight", weight)):
        if not isinstance(tensor, Tensor) and not (tensor is None and argument == "weight"):
            raise contract_error(name, argument, "a tensor", describe_value(tensor))
    x = values.detach().cpu().double().numpy().ravel()
    w = np.ones(x.size)
    if weight is not None:
        if weight.shape != values.shape:
            wanted = f"{tuple(values.shape)} like `values`"
            raise contract_error(name, "weight", wanted, describe_value(weight))
        w = weight.detach().cpu().double().numpy().ravel()
        wrong = ~((w >= 0) & (w <= LARGEST))
        if wrong.any():
            fact = f"{w[wrong][0]:g}"
            raise contract_error(name, "weight", "finite numbers of at least 0", fact)
        x, w = x[w > 0], w[w > 0]
    wrong = ~(np.abs(x) <= LARGEST)
    if wrong.any():
        wanted = f"finite and at most {LARGEST:g} in size wherever its weight is above 0"
        remedy = "give it the weight 0"
        raise contract_error(name, "values", wanted, f"{x[wrong][0]:g}", remedy)
    return x, w
