"""One group of rollouts, turn by turn, with the credit of several estimators side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from torch import Tensor

from creditlib.contract import ContractError
from creditlib.report.columns import Column, Estimator, credit_columns, heading
from creditlib.report.metrics import metrics_table, titled_table
from creditlib.rollouts import Rollouts

__all__ = ["credit_columns", "explain", "select_groups"]


def explain(
    rollouts: Rollouts,
    estimators: Sequence[Estimator],
    *,
    groups: Sequence[str | int] | None = None,
    limit: int | None = 3,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    snippet: int = 48,
) -> RenderableType:
    """Tables for a terminal: one per group, a row per turn, a column per estimator.

    Credit is computed on the whole batch and then shown for some groups, so that a batch
    statistic is the one training would use. Below: why an estimator is missing, and the
    diagnostics of the whole batch.

    Options:
        groups: the groups to show, as in the file; None shows the first `limit` (None: all).
        options: arguments by estimator, such as {"gigpo": {"gamma": 0.9}}.
        snippet: characters of an observation or text to show.
    """
    columns = credit_columns(rollouts, estimators, options=options)
    shown = select_groups(rollouts, groups, limit)
    parts: list[RenderableType] = [
        _group_table(rollouts, name, rows, columns, snippet) for name, rows in shown.items()
    ]
    hidden = len(rollouts.groups) - len(shown)
    if hidden and groups is None:
        noun = "group" if hidden == 1 else "groups"
        parts.append(Text(f"{hidden} more {noun}; name one, or ask for all.", style="dim"))
    parts.extend(Text(note, style="dim") for note in rollouts.notes)
    parts.extend(Text(column.reason, style="yellow") for column in columns if column.reason)
    credited = [column for column in columns if column.credit is not None]
    if credited:
        parts.append(metrics_table(rollouts, credited))
    return Group(*parts)


def select_groups(
    rollouts: Rollouts, groups: Sequence[str | int] | None, limit: int | None
) -> dict[str | int, list[int]]:
    """The rows of the groups asked for; '7' also finds the group 7, since a shell only has text."""
    found = rollouts.groups
    if groups is None:
        return dict(list(found.items())[:limit])
    chosen: dict[str | int, list[int]] = {}
    for group in groups:
        matches = [name for name in found if name == group] or [
            name for name in found if str(name) == str(group)
        ]
        if not matches:
            names = ", ".join(repr(name) for name in list(found)[:5])
            more = f" and {len(found) - 5} more" if len(found) > 5 else ""
            raise ContractError(
                f"explain: `group` must be one of the file's groups, {names}{more}, got {group!r}."
            )
        chosen[matches[0]] = found[matches[0]]
    return chosen


def _group_table(
    rollouts: Rollouts,
    name: str | int,
    rows: Sequence[int],
    columns: Sequence[Column],
    snippet: int,
) -> Table:
    noun = "trajectory" if len(rows) == 1 else "trajectories"
    table = titled_table(f"group {_short(name, snippet)}: {len(rows)} {noun}")
    # numbers keep their width in a narrow terminal; only texts, which may wrap, give way
    table.add_column("trajectory", no_wrap=True)
    table.add_column("outcome", justify="right", no_wrap=True)
    table.add_column("turn", justify="right", no_wrap=True)
    table.add_column("observation")
    table.add_column("text")
    table.add_column("reward", justify="right", no_wrap=True)
    shown = [column for column in columns if column.turn_credit is not None]
    for column in shown:
        table.add_column(heading(column.name), justify="right", no_wrap=True)
    for row in rows:
        _add_trajectory(table, rollouts, row, shown, snippet)
        table.add_section()
    return table


def _add_trajectory(
    table: Table, rollouts: Rollouts, row: int, columns: Sequence[Column], snippet: int
) -> None:
    trajectory = rollouts.trajectories[row]
    outcome = trajectory["outcome"]
    label = Text(_label(rollouts, row))
    score = Text("none" if outcome is None else f"{outcome:.4g}")
    if not trajectory["turns"]:
        table.add_row(label, score, Text("-"), *[Text()] * (3 + len(columns)))
    rewards = _numbers(rollouts.tensors["turn_reward"][row])
    credits = [_numbers(c.turn_credit[row]) for c in columns if c.turn_credit is not None]
    for k, turn in enumerate(trajectory["turns"]):
        table.add_row(
            label if k == 0 else Text(),
            score if k == 0 else Text(),
            Text(str(k + 1)),
            _one_line(_short(turn.get("observation"), snippet)),
            _one_line(_short(turn.get("text"), snippet)),
            Text(f"{rewards[k]:.4g}"),
            *(_signed(credit[k]) for credit in credits),
        )


def _label(rollouts: Rollouts, row: int) -> str:
    name = rollouts.trajectories[row].get("id")
    return f"#{row + 1}" if name is None else _short(name, 14)


def _numbers(tensor: Tensor) -> list[float]:
    return cast("list[float]", tensor.tolist())  # pyright: ignore[reportUnknownMemberType]


def _signed(credit: float) -> Text:
    """Green for credit, red for blame, dim for neither; the sign says it without colour too."""
    style = "green" if credit > 0 else "red" if credit < 0 else "dim"
    return Text(f"{credit:+.3f}" if credit else "0", style=style)


def _one_line(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")


def _short(value: object, width: int) -> str:
    """One line of at most `width` printable characters; JSON for what is not text.

    Rollouts hold whatever a policy wrote; its escape codes must not reach the terminal.
    """
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    # four times the width, because line breaks and runs of spaces vanish
    head = "".join(c if c.isprintable() else " " for c in text[: 4 * width])
    line = " ".join(head.split())
    return line if len(line) <= width and len(text) <= 4 * width else line[: width - 1] + "…"
