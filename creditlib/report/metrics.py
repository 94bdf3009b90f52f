"""The diagnostics of several estimators on one batch, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from creditlib.diagnostics import diagnose
from creditlib.report.columns import Column, heading
from creditlib.rollouts import Rollouts

__all__ = ["metrics_table", "titled_table"]

_CONTEXT = ("reward", "group", "turn_reward", "turn_count", "valid")


def titled_table(title: str) -> Table:
    """An empty table with the look of all reports: no frame, nothing between the columns."""
    return Table(
        title=Text(title),
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )


def metrics_table(rollouts: Rollouts, columns: Sequence[Column]) -> Table:
    """What `diagnose` says of each column that has credit; '-' where a number has no meaning.

    The numbers are those of the credit as the estimator returned it, over the whole batch.
    """
    context: dict[str, Any] = {name: rollouts.tensors[name] for name in _CONTEXT}
    credited = [(column.name, column.credit) for column in columns if column.credit is not None]
    found = [diagnose(credit, **context) for _, credit in credited]
    table = titled_table("whole batch")
    table.add_column("diagnostic", no_wrap=True)
    for name, _ in credited:
        table.add_column(heading(name), justify="right", no_wrap=True)
    for metric in dict.fromkeys(metric for metrics in found for metric in metrics):
        cells = [f"{metrics[metric]:.4g}" if metric in metrics else "-" for metrics in found]
        table.add_row(metric, *cells)
    return table
