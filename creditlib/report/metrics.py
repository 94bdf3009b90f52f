"""The diagnostics of several estimators on one batch, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from creditlib.diagnostics import diagnose
from creditlib.report.credit_columns import Column, heading
from creditlib.report.fit_table import Fitted
from creditlib.rollouts import Rollouts

__all__ = ["metrics_table", "titled_table"]

_CONTEXT = ("reward", "group", "turn_reward", "turn_count", "valid")


def titled_table(title: str) -> Table:
    """An empty table in the style of all reports: no frame, no lines between columns."""
    return Table(
        title=Text(title),
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )


def metrics_table(rollouts: Rollouts, columns: Sequence[Column]) -> Fitted:
    """The metrics of `diagnose` for each column with credit; '-' where a metric does not apply.

    The metrics are computed from the result of the estimator on the whole batch.
    """
    context: dict[str, Any] = {name: rollouts.tensors[name] for name in _CONTEXT}
    credited = [column for column in columns if column.credit is not None]
    found = {id(c): diagnose(c.credit, **context) for c in credited if c.credit is not None}
    names = list(dict.fromkeys(metric for metrics in found.values() for metric in metrics))

    def build(chosen: Sequence[Column], texts: bool) -> Table:
        table = titled_table("whole batch")
        table.add_column("diagnostic", no_wrap=True)
        for column in chosen:
            table.add_column(heading(column.name), justify="right", no_wrap=True)
        for name in names:
            metrics = [found[id(column)] for column in chosen]
            table.add_row(name, *(f"{of[name]:.4g}" if name in of else "-" for of in metrics))
        return table

    return Fitted(build, credited)
