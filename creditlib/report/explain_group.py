"""A group of rollouts turn by turn, with the credit of estimators side by side, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from torch import Tensor

from creditlib.report.changed_part import changed_part, common_beginning, shortened
from creditlib.report.explain_choice import largest_turns, mean_credit
from creditlib.report.explain_layout import (
    BOLD,
    DIM,
    CreditScale,
    Layout,
    Lines,
    least_width,
    numbers_width,
    whole_line,
)
from creditlib.report.page.texts import as_text
from creditlib.report.summary import GroupFacts
from creditlib.rollouts import Rollouts

__all__ = ["GroupRows"]

_LONGEST = 160  # characters of an observation or an action that are read
_NAME = 100  # characters of the name of a group


@dataclass(frozen=True)
class GroupRows:
    """The trajectories of a group, a row per turn; cells are made when it is printed.

    The layout follows the width. Narrow terminals lose the bars first. Then the observation and the
    action stand below each row of numbers. If the numbers do not fit, several parts show some of
    the estimators each, and the texts stand in the first. No number is cut.

    ends: show the best and the worst trajectory under the first estimator only.
    top: turns of a trajectory to show, those with the largest |credit|; None for all.
    """

    rollouts: Rollouts
    group: GroupFacts
    scales: Sequence[CreditScale]
    ends: bool = False
    top: int | None = None

    @property
    def width(self) -> int:
        """The smallest width, in characters, with bars, and texts beside the numbers."""
        return least_width(self.scales)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, start = options.max_width, 0
        rows = list(self._trajectories())
        while start < len(self.scales):
            stop = len(self.scales)
            while stop > start + 1 and numbers_width(self.scales[start:stop], bars=False) > width:
                stop -= 1
            shown = slice(start, stop)
            layout = Layout(self.scales[shown], width, options.ascii_only, texts=start == 0)
            yield from self._title(start, stop, width)
            yield from layout.headings()
            for row, label in rows:
                yield from self._trajectory(layout, shown, row, label)
            yield Segment.line()
            start = stop

    def _title(self, start: int, stop: int, width: int) -> Lines:
        group = self.group
        noun = "trajectory" if len(group.rows) == 1 else "trajectories"
        name = shortened(as_text(group.name), _NAME)
        title = f"group {name}: {len(group.rows)} {noun}{_kind(group)}"
        yield from whole_line(title, width, BOLD)
        if stop - start < len(self.scales):
            names = ", ".join(scale.column.name for scale in self.scales[start:stop])
            texts = "" if start == 0 else " Texts: in the first part."
            yield from whole_line(f"{shortened(names, 200)}, as many as fit.{texts}", width, DIM)

    def _trajectories(self) -> Iterator[tuple[int, str]]:
        """The rows to show, and what is said of each."""
        if not self.ends:
            yield from ((row, "") for row in self.group.rows)
            return
        first = self.scales[0].column
        means = mean_credit(first, self.group.rows, self.rollouts.tensors["turn_count"])
        valid = self.rollouts.tensors["valid"]
        ranked = [row for row in means if valid[row]]
        if len(ranked) < 2:
            yield from ((row, "") for row in self.group.rows[:2])
            return
        best, worst = ranked[0], ranked[-1]
        equal = means[best] == means[worst]
        under = f"mean credit under {shortened(first.name, 40)}"
        yield best, f"equal {under}" if equal else f"largest {under}"
        yield worst, f"equal {under}" if equal else f"smallest {under}"

    def _trajectory(self, layout: Layout, shown: slice, row: int, label: str) -> Lines:
        trajectory = self.rollouts.trajectories[row]
        turns = trajectory["turns"]
        yield from whole_line(_about(self.rollouts, row, trajectory, label), layout.width, BOLD)
        rewards = _numbers(self.rollouts.tensors["turn_reward"][row])
        every = [
            _numbers(scale.column.turn_credit[row])[: len(turns)]
            for scale in self.scales
            if scale.column.turn_credit is not None
        ]
        chosen = range(len(turns))
        if self.top is not None and self.top < len(turns):
            chosen = largest_turns(every, [scale.largest for scale in self.scales], self.top)
        for number in chosen:
            texts = self._texts(turns, number) if layout.texts else None
            yield from layout.turn(
                number, rewards[number], [c[number] for c in every[shown]], texts
            )
        if len(chosen) < len(turns):
            left = len(turns) - len(chosen)
            noun = "turn has" if left == 1 else "turns have"
            yield from whole_line(
                f"     … {left} more {noun} smaller or equal |credit|", layout.width, DIM
            )

    def _texts(self, turns: Sequence[Any], number: int) -> tuple[str, str]:
        """The changed part of the observation, and the action."""
        seen = as_text(turns[number].get("observation"))
        if number:
            seen = changed_part(seen, as_text(turns[number - 1].get("observation")))
        elif self._same:
            seen = f"… {seen[self._same :].lstrip()}"
        return shortened(seen, _LONGEST), shortened(as_text(turns[number].get("text")), _LONGEST)

    @cached_property
    def _same(self) -> int:
        """The characters that the first observations of the group begin with."""
        rows = (self.rollouts.trajectories[row]["turns"] for row in self.group.rows)
        return common_beginning([as_text(turns[0].get("observation")) for turns in rows if turns])


def _kind(group: GroupFacts) -> str:
    if not group.members:
        return ", none takes part"
    if group.constant:
        return ", equal outcomes"
    return ", lone" if group.lone and len(group.rows) > 1 else ""


def _about(rollouts: Rollouts, row: int, trajectory: Any, label: str) -> str:
    """The line above the turns of a trajectory."""
    name = trajectory.get("id")
    title = f"#{row + 1}" if name is None else shortened(as_text(name), 40)
    outcome = trajectory["outcome"]
    parts = ["no outcome, takes no part" if outcome is None else f"outcome {outcome:.4g}"]
    count = len(trajectory["turns"])
    parts.append(f"{count} turn{'' if count == 1 else 's'}" if count else "no turns")
    return f"{title}: {', '.join(part for part in (*parts, label) if part)}"


def _numbers(tensor: Tensor) -> list[float]:
    return cast("list[float]", tensor.tolist())  # pyright: ignore[reportUnknownMemberType]
