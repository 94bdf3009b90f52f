"""The summary of credit as lines of a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from creditlib.report.credit_bar import spark_line
from creditlib.report.credit_columns import Column, heading
from creditlib.report.fit_table import Fitted
from creditlib.report.metrics import titled_table
from creditlib.report.summary import EstimatorFacts, Pair, Summary
from creditlib.vocabulary.messages import one_line

__all__ = ["SummaryLines"]

_SPARK = 12  # characters of the line of bars over turns
_PAIRS = 3  # pairs of estimators: those with most turns of opposite signs


@dataclass(frozen=True)
class SummaryLines:
    """The counts, where credit goes, where estimators disagree, and what to do about it.

    columns: the estimators with credit, in the order of the summary.
    """

    summary: Summary
    columns: Sequence[Column]

    @property
    def width(self) -> int:
        """The smallest width, in characters, of one table of credit."""
        return self._credit(False).width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(_counts(self.summary))
        yield Text(_signal(self.summary))
        yield self._credit(options.ascii_only)
        pairs = sorted(self.summary.pairs, key=lambda pair: -(pair.opposite or 0.0))
        for pair in pairs[:_PAIRS]:
            yield Text(_disagreement(pair))
        if len(pairs) > _PAIRS:
            yield Text(f"{len(pairs) - _PAIRS} more pairs disagree less or equally.", style="dim")
        for finding in self.summary.findings:
            text = Text("- ").append(one_line(finding.sentence), "bold")
            yield text.append(f" {finding.advice}" if finding.advice else "")

    def _credit(self, ascii_only: bool) -> Fitted:
        facts = dict(zip(map(id, self.columns), self.summary.estimators, strict=True))

        def build(chosen: Sequence[Column], texts: bool) -> Table:
            table = titled_table("mean |credit|")
            table.add_column("over", no_wrap=True)
            for column in chosen:
                table.add_column(Text(heading(column.name)), justify="right", no_wrap=True)
            shown = [facts[id(column)] for column in chosen]
            for label, cells in _rows(shown, ascii_only):
                table.add_row(label, *cells)
            return table

        return Fitted(build, self.columns)


def _counts(summary: Summary) -> str:
    excluded = f", of which {summary.excluded:,} without an outcome" if summary.excluded else ""
    rows = _count(summary.trajectories, "trajectory", "trajectories")
    groups = _count(len(summary.by_group), "group", "groups")
    return f"{rows}{excluded}, {groups}, {_count(summary.turns, 'turn', 'turns')}"


def _signal(summary: Summary) -> str:
    parts = [
        f"{summary.informative:,} with a signal",
        f"{summary.constant:,} constant",
        f"{summary.lone:,} lone",
    ]
    if summary.empty:
        parts.append(f"{summary.empty:,} excluded")
    return f"groups: {', '.join(parts)}"


def _rows(shown: Sequence[EstimatorFacts], ascii_only: bool) -> list[tuple[str, list[str]]]:
    """The rows of the table: a label, and a cell for each estimator."""
    rows = [("all turns", [_number(each.mean_abs) for each in shown])]
    turns = max((len(each.by_turn) for each in shown), default=0)
    if turns > 1:
        bars = [spark_line(each.by_turn, _SPARK, ascii_only=ascii_only) for each in shown]
        rows.append((f"turns 0 to {turns - 1}", bars))
    if shown and len(shown[0].by_outcome) > 1:
        for number, share in enumerate(shown[0].by_outcome):
            cells = [_number(each.by_outcome[number].mean_abs) for each in shown]
            rows.append((f"outcome {share.label} ({share.trajectories:,})", cells))
    return rows


def _disagreement(pair: Pair) -> str:
    names = f"{one_line(pair.first)} and {one_line(pair.second)}"
    if pair.opposite is None:
        return f"{names}: no turn to compare"
    ranks = pair.rank_correlation
    said = "none" if ranks is None else f"{ranks:.2f}"
    return f"{names}: opposite signs at {pair.opposite:.1%} of turns, rank correlation {said}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
