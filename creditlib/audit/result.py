"""What an audit found: the rows of every tier, and the JSON object made of them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from creditlib.audit.heat_map import HeatMap
from creditlib.audit.learning_curves import Curve, DifferenceRow
from creditlib.audit.rows import ExactRow, LearningRow, PathRow, QualityRow

__all__ = ["SCHEMA", "Audit", "Tiers"]

SCHEMA = 1


@dataclass(frozen=True, eq=False)
class Tiers:
    """The rows of one estimator.

    facts: what is certain, by name. not_audited: for each task that was left out, the tensors that
    the estimator asks for and the task lacks.
    """

    exact: tuple[ExactRow, ...] = ()
    quality: tuple[QualityRow, ...] = ()
    path: tuple[PathRow, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    not_audited: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def quality_of(self, task: str, metric: str) -> QualityRow | None:
        """A metric on a task; None where the estimator was not audited there.

        >>> Tiers(quality=(QualityRow("rooms", "dead", 0.1, 0.0, 0.2),)).quality_of("rooms", "dead")
        QualityRow(task='rooms', metric='dead', value=0.1, low=0.0, high=0.2)
        """
        found = (row for row in self.quality if (row.task, row.metric) == (task, metric))
        return next(found, None)

    @property
    def tasks(self) -> list[str]:
        """The names of the tasks with sampled groups, in their order."""
        return list(dict.fromkeys(row.task for row in self.quality))


@dataclass(frozen=True, eq=False)
class Audit:
    """An estimator against exact truth, and others beside it.

    estimator: its name. options: what it was called with. own: its rows. against: the rows of those
    that it is compared with, by name. learning: the rows of all of them. versions, seconds,
    settings: how the audit was made. tasks: what each task is, by name. differences: of areas, each
    minus the audited estimator's, on equal luck. curves, and heat_maps by name on heat_task: for
    pictures.
    These are not in the JSON object.
    """

    estimator: str
    own: Tiers
    against: Mapping[str, Tiers]
    learning: tuple[LearningRow, ...]
    tasks: Mapping[str, Mapping[str, Any]]
    settings: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    differences: tuple[DifferenceRow, ...] = ()
    curves: tuple[Curve, ...] = ()
    heat_task: str = ""
    heat_maps: Mapping[str, HeatMap] = field(default_factory=dict)

    @property
    def every(self) -> dict[str, Tiers]:
        """The rows of all estimators by name, the audited one first."""
        return {self.estimator: self.own, **self.against}

    def learned(self, estimator: str) -> list[LearningRow]:
        """The rows of learning of one estimator."""
        return [row for row in self.learning if row.estimator == estimator]

    def to_dict(self) -> dict[str, Any]:
        """The audit as plain values; docs/audit_json.md lists the keys.

        A number that is undefined, or not finite, is None.

        >>> found = Audit("rloo", Tiers(), {}, (), {}, {}).to_dict()
        >>> found["schema"], found["estimator"], found["exact"]
        (1, 'rloo', [])
        """
        return {
            "schema": SCHEMA,
            "estimator": self.estimator,
            "options": _plain(self.options),
            "versions": dict(self.versions),
            "seconds": round(self.seconds, 3),
            **_rows(self.own),
            "learning": [_plain(row._asdict()) for row in self.learning],
            "facts": _plain(self.own.facts),
            "not_audited": _plain(self.own.not_audited),
            "against": {
                name: {
                    **_rows(tiers),
                    "facts": _plain(tiers.facts),
                    "not_audited": _plain(tiers.not_audited),
                }
                for name, tiers in self.against.items()
            },
            "tasks": _plain(self.tasks),
            "settings": _plain(self.settings),
        }

    def to_json(self, indent: int | None = 1) -> str:
        """The same as text.

        >>> "NaN" in Audit("rloo", Tiers(facts={"x": float("nan")}), {}, (), {}, {}).to_json()
        False
        """
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)


def _rows(tiers: Tiers) -> dict[str, Any]:
    """The rows of one estimator as lists of objects."""
    return {
        tier: [_plain(row._asdict()) for row in rows]
        for tier, rows in (
            ("exact", tiers.exact),
            ("quality", tiers.quality),
            ("path", tiers.path),
        )
    }


def _plain(value: Any) -> Any:
    """A value of JSON: a number that is not finite is None, anything unknown is its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, (list, tuple, set, frozenset)):
        every = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        return [_plain(each) for each in every]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return _plain(value.item())
    return getattr(value, "__name__", None) or repr(value)
