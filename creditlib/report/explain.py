"""How estimators credit rollouts: a summary, then groups turn by turn, for a terminal."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from creditlib.report.credit_columns import Estimator, credit_columns
from creditlib.report.explain_choice import choose_groups
from creditlib.report.explain_group import GroupRows
from creditlib.report.explain_layout import credit_scales
from creditlib.report.explain_summary import SummaryLines
from creditlib.report.fit_table import Fitted
from creditlib.report.metrics import metrics_table
from creditlib.report.summary import summarize
from creditlib.rollouts import Rollouts
from creditlib.vocabulary.messages import contract_error, one_line

__all__ = ["Explanation", "explain"]

_TOP = 5  # turns of a trajectory where only some groups are shown
_PLAIN = 100  # characters of a line where there is no terminal


@dataclass(frozen=True, repr=False)
class Explanation:
    """The output of `explain`: `print` it, show it in a notebook, or give it to a rich console.

    reasons: why estimators give no credit, one sentence each.
    parts: what is printed, in order, the reasons first; a part makes its lines when it is printed,
        so a long explanation is best printed part by part.
    credited: whether any estimator gave credit.
    """

    reasons: Sequence[str]
    parts: Sequence[RenderableType]
    credited: bool

    @property
    def width(self) -> int:
        """The smallest width, in characters, at which every part is whole."""
        whole = (Fitted, SummaryLines, GroupRows)
        return max((part.width for part in self.parts if isinstance(part, whole)), default=0)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self.parts

    def __repr__(self) -> str:
        """How many groups are shown; the lines are those of `str`."""
        groups = sum(isinstance(part, GroupRows) for part in self.parts)
        return f"Explanation({groups:,} group{'' if groups == 1 else 's'})"

    def __str__(self) -> str:
        """The lines of a terminal of at least 100 characters, without colours."""
        return self._recorded().export_text()

    def _recorded(self) -> Console:
        width = max(_PLAIN, self.width)
        # In a notebook a console would show the lines itself, a second time.
        console = Console(file=io.StringIO(), width=width, record=True, force_jupyter=False)
        console.print(self)
        return console

    def _repr_html_(self) -> str:
        """What a notebook shows: the lines of a terminal, with their colours."""
        style = "font-family:monospace;line-height:1.2;overflow-x:auto"
        code = f'<pre style="{style}">{{code}}</pre>'
        return self._recorded().export_html(inline_styles=True, code_format=code)


def explain(
    rollouts: Rollouts,
    estimators: Sequence[Estimator],
    *,
    groups: Sequence[str | int] | None = None,
    limit: int | None = 1,
    sort: str = "spread",
    top: int | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    more: str = "`groups=[...]` or `limit=None`",
) -> Explanation:
    """A screen for a terminal: the summary, then one group with its best and worst trajectory.

    A row is a turn, numbered from 0. It has the observation, the action, the reward, and the credit
    of each estimator with a bar. Of an observation it shows what differs from the observation
    before it; of the first one, what differs between the trajectories of the group. A narrow
    terminal shows these texts below the numbers, then some of the estimators at a time. No number
    is cut.

    Credit is computed on the whole batch, so a statistic of the batch is the one that training
    would use. The reasons why an estimator gives no credit stand first; if none gives credit there
    is nothing else but what the reader of the file decided.

    Args:
        rollouts: what `creditlib.rollouts.read` returns.
        estimators: what `resolve` takes, one for each column. The first one decides which
            trajectory is best, and which group comes first.
        groups: the groups to show, as in the file, with all their trajectories, and no summary.
        limit: where no groups are named, how many to show; None shows all with all trajectories,
            and the diagnostics of `creditlib.diagnose` below them.
        sort: the order of the groups: `spread` (of the credit under the first estimator, largest
            first), `disagreement` (turns with opposite signs, most first), `lone` (groups of one
            trajectory first) or `name`.
        top: the turns of a trajectory to show, those with the largest |credit| under any
            estimator; None for all of a group that is shown whole, else 5; 0 for all.
        options: arguments by estimator, such as {"gigpo": {"gamma": 0.9}}.
        more: the words that tell the reader how to see the other groups.

    Errors: an unknown order; a group that the rollouts do not have; a negative `top`.

    >>> from creditlib.rollouts import from_trajectories
    >>> batch = from_trajectories([
    ...     {"group": "7*8", "outcome": 1.0, "turns": [{"text": "56"}]},
    ...     {"group": "7*8", "outcome": 0.0, "turns": [{"text": "54"}]},
    ... ])
    >>> lines = str(explain(batch, ["rloo"], groups=["7*8"])).splitlines()
    >>> [" ".join(line.split()) for line in lines[2:4]]
    ['#1: outcome 1, 1 turn', '0 56 1 +1.000 │███']
    """
    if top is not None and top < 0:
        raise contract_error("explain", "top", "a whole number, at least 0", str(top))
    columns = credit_columns(rollouts, estimators, options=options)
    reasons = [one_line(column.reason) for column in columns if column.reason]
    credited = [column for column in columns if column.credit is not None]
    parts: list[RenderableType] = [Text(reason, style="yellow") for reason in reasons]
    notes = [Text(one_line(note), style="dim") for note in rollouts.notes]
    if not credited:
        return Explanation(reasons, [*parts, *notes], credited=False)
    summary = summarize(rollouts, columns)
    whole = groups is not None or limit is None
    shown = choose_groups(summary, groups, sort=sort, limit=limit)
    turns = top if top is not None else None if whole else _TOP
    scales = credit_scales(credited)
    if groups is None:
        parts += [SummaryLines(summary, credited), *notes, Text()]
    parts += [GroupRows(rollouts, each, scales, not whole, turns or None) for each in shown]
    if not whole:
        parts.append(Text(_more(len(summary.by_group) - len(shown), more), style="dim"))
    elif groups is None:
        parts.append(metrics_table(rollouts, credited))
    return Explanation(reasons, parts, credited=True)


def _more(hidden: int, more: str) -> str:
    if not hidden:
        return f"All trajectories and turns: {more}."
    return f"{hidden:,} more group{'' if hidden == 1 else 's'}, and all trajectories: {more}."
