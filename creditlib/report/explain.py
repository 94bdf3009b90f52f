"""One group of rollouts, turn by turn, with the credit of several estimators side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text
from torch import Tensor

from creditlib.report.credit_columns import Column, Estimator, credit_columns, heading
from creditlib.report.fit_table import Fitted
from creditlib.report.metrics import metrics_table, titled_table
from creditlib.rollouts import Rollouts
from creditlib.vocabulary.messages import ContractError, one_line

__all__ = ["Explanation", "credit_columns", "explain", "select_groups"]

_TEXTS = 2 * (8 + 2)  # observation and text: at least 8 characters each, plus padding


@dataclass(frozen=True)
class Explanation:
    """The output of `explain`, for a console of any width.

    parts: tables and sentences, in order.
    credited: whether any estimator gave credit.
    """

    parts: Sequence[RenderableType]
    credited: bool

    @property
    def width(self) -> int:
        """The smallest width, in characters, at which every table is whole."""
        return max((part.width for part in self.parts if isinstance(part, Fitted)), default=0)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self.parts


def explain(
    rollouts: Rollouts,
    estimators: Sequence[Estimator],
    *,
    groups: Sequence[str | int] | None = None,
    limit: int | None = 3,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    snippet: int = 48,
    more: str = "`groups=[...]` or `limit=None`",
) -> Explanation:
    """Tables for a terminal: one per group, a row per turn, a column per estimator.

    Turns are numbered from 0. A narrow terminal shows no observation and text; if that is not
    enough, each table shows some of the estimators. No number is cut.

    Credit is computed on the whole batch and then shown for some groups, so a statistic of the
    batch is the one that training would use. Above the tables: why an estimator is missing; if no
    estimator gives credit there are no tables. Below them: what the reader decided, and the
    diagnostics of the whole batch.

    Options:
        groups: the groups to show, as in the file; None shows the first `limit` (None: all).
        options: arguments by estimator, such as {"gigpo": {"gamma": 0.9}}.
        snippet: characters of an observation or text to show.
        more: the words that tell the reader how to see the other groups.
    """
    columns = credit_columns(rollouts, estimators, options=options)
    shown = select_groups(rollouts, groups, limit)
    parts: list[RenderableType] = [
        Text(one_line(column.reason), style="yellow") for column in columns if column.reason
    ]
    credited = [column for column in columns if column.credit is not None]
    if not credited:
        return Explanation([*parts, *_notes(rollouts)], credited=False)
    parts.extend(
        _group_table(rollouts, name, rows, columns, snippet) for name, rows in shown.items()
    )
    hidden = len(rollouts.groups) - len(shown)
    if hidden and groups is None:
        noun = "group" if hidden == 1 else "groups"
        parts.append(Text(f"{hidden} more {noun}: {more}.", style="dim"))
    parts.extend(_notes(rollouts))
    parts.append(metrics_table(rollouts, credited))
    return Explanation(parts, credited=True)


def _notes(rollouts: Rollouts) -> list[Text]:
    return [Text(one_line(note), style="dim") for note in rollouts.notes]


def select_groups(
    rollouts: Rollouts, groups: Sequence[str | int] | None, limit: int | None
) -> dict[str | int, list[int]]:
    """The rows of the groups asked for; the text '7' also finds the group 7."""
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
) -> Fitted:
    noun = "trajectory" if len(rows) == 1 else "trajectories"
    title = f"group {_short(name, snippet)}: {len(rows)} {noun}"

    def build(chosen: Sequence[Column], texts: bool) -> Table:
        table = titled_table(title)
        # Columns that may wrap become narrower: the texts, else the names of the trajectories.
        table.add_column("trajectory", no_wrap=texts)
        table.add_column("outcome", justify="right", no_wrap=True)
        table.add_column("turn", justify="right", no_wrap=True)
        if texts:
            table.add_column(_one_line("observation"))
            table.add_column("text")
        table.add_column("reward", justify="right", no_wrap=True)
        for column in chosen:
            table.add_column(heading(column.name), justify="right", no_wrap=True)
        for row in rows:
            _add_trajectory(table, rollouts, row, chosen, snippet if texts else None)
            table.add_section()
        return table

    shown = [column for column in columns if column.turn_credit is not None]
    return Fitted(build, shown, _TEXTS)


def _add_trajectory(
    table: Table, rollouts: Rollouts, row: int, columns: Sequence[Column], snippet: int | None
) -> None:
    """A row per turn; a `snippet` of None leaves the texts out."""
    trajectory = rollouts.trajectories[row]
    outcome = trajectory["outcome"]
    label = _one_line(_label(rollouts, row))
    score = Text("none" if outcome is None else f"{outcome:.4g}")
    if not trajectory["turns"]:
        table.add_row(label, score, Text("-"), Text())
    rewards = _numbers(rollouts.tensors["turn_reward"][row])
    credits = [_numbers(c.turn_credit[row]) for c in columns if c.turn_credit is not None]
    for k, turn in enumerate(trajectory["turns"]):
        texts: list[Text] = []
        if snippet is not None:
            texts = [_one_line(_short(turn.get(key), snippet)) for key in ("observation", "text")]
        table.add_row(
            label if k == 0 else Text(),
            score if k == 0 else Text(),
            Text(str(k)),
            *texts,
            Text(f"{rewards[k]:.4g}"),
            *(_signed(credit[k]) for credit in credits),
        )


def _label(rollouts: Rollouts, row: int) -> str:
    name = rollouts.trajectories[row].get("id")
    return f"#{row + 1}" if name is None else _short(name, 14)


def _numbers(tensor: Tensor) -> list[float]:
    return cast("list[float]", tensor.tolist())  # pyright: ignore[reportUnknownMemberType]


def _signed(credit: float) -> Text:
    """Green for positive credit, red for negative, dim for 0; the sign is printed too."""
    style = "green" if credit > 0 else "red" if credit < 0 else "dim"
    return Text(f"{credit:+.3f}" if credit else "0", style=style)


def _one_line(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")


def _short(value: object, width: int) -> str:
    """One line of at most `width` printable characters; a value that is not text becomes JSON.

    A policy may write any text, and its escape codes must not reach the terminal.
    """
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    # Four times the width, because `one_line` removes line breaks and runs of spaces.
    line = one_line(text[: 4 * width])
    return line if len(line) <= width and len(text) <= 4 * width else line[: width - 1] + "…"
