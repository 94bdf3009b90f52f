"""What a run found: counts and quantiles of credit, reducible over the buckets of pass two."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["CREDIT_QUANTILES", "CreditCounts", "Summary", "counted", "merge_counts"]

CREDIT_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class CreditCounts:
    """How often each rounded value occurs: float32 with 10 bits of the fraction, and the extremes.

    A quantile of them is exact to 1 part in 1024, and two of them add up.
    """

    bins: Mapping[int, int] = field(default_factory=dict[int, int])
    low: float = np.inf
    high: float = -np.inf

    def quantile(self, share: float) -> float:
        """The value below which about this share of the credit lies; NaN where there is none.

        >>> counted(np.array([0.0, 1.0, 1.0, 2.0], dtype=np.float32)).quantile(0.5)
        1.0
        """
        if not self.bins:
            return float("nan")
        if share in (0.0, 1.0):
            return float(self.high if share else self.low)
        keys = np.array(sorted(self.bins))
        totals = np.cumsum([self.bins[key] for key in keys.tolist()])
        at = int(np.searchsorted(totals, share * totals[-1]))
        return float(_values(keys[min(at, len(keys) - 1)]))


def counted(credit: Array) -> CreditCounts:
    """The counts of some finite credit."""
    if not credit.size:
        return CreditCounts()
    bits = (credit.astype(np.float32) + np.float32(0)).view(np.int32).astype(np.int64)
    ordered = np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)  # in the order of the values
    keys, counts = np.unique((ordered + (1 << 12)) >> 13, return_counts=True)
    bins = dict(zip(keys.tolist(), counts.tolist(), strict=True))
    return CreditCounts(bins, float(credit.min()), float(credit.max()))


def _values(key: Any) -> Any:
    size = np.asarray(np.abs(key) << 13, dtype=np.int32).view(np.float32)
    return np.where(key < 0, -size, size)


def merge_counts(every: Iterable[CreditCounts]) -> CreditCounts:
    """The counts of all parts, in any order.

    >>> one = counted(np.array([1.0], dtype=np.float32))
    >>> merge_counts([one, one]).bins == {key: 2 for key in one.bins}
    True
    """
    bins: dict[int, int] = {}
    low, high = np.inf, -np.inf
    for each in every:
        for key, count in each.bins.items():
            bins[key] = bins.get(key, 0) + count
        low, high = min(low, each.low), max(high, each.high)
    return CreditCounts(bins, low, high)


@dataclass(frozen=True)
class Summary:
    """The result of `credit`.

    outputs: the files that were written, in the order of the inputs; `kept` are those that a
        resumed run found finished.
    rows, trajectories, turns: of the inputs; a bad row is no trajectory.
    groups: groups with a trajectory that takes part; `lone` have one, `constant` have several with
        one outcome.
    excluded: trajectories without an outcome.
    informative: groups some of whose credit is not 0.
    bad: rows that were skipped, with the first sentences in `notes`.
    credit: quantiles of the credit of each estimator, by `CREDIT_QUANTILES`, over the turns of the
        trajectories that take part.
    """

    outputs: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    rows: int = 0
    trajectories: int = 0
    turns: int = 0
    groups: int = 0
    lone: int = 0
    constant: int = 0
    informative: int = 0
    excluded: int = 0
    bad: int = 0
    bytes: int = 0
    notes: tuple[str, ...] = ()
    credit: Mapping[str, Mapping[float, float]] = field(
        default_factory=dict[str, Mapping[float, float]]
    )

    def as_dict(self) -> dict[str, Any]:
        """The summary as plain values for JSON.

        >>> Summary(rows=3).as_dict()["rows"]
        3
        """
        found = {name: getattr(self, name) for name in self.__dataclass_fields__}
        found["credit"] = {
            name: {f"{share:g}": value for share, value in each.items()}
            for name, each in self.credit.items()
        }
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in found.items()
        }
