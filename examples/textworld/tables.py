"""The learning curves as a table, and one sentence on what they show."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from rich.table import Table
from torch import Tensor

from examples.textworld.statistics import Interval, interval
from examples.textworld.train import Settings

__all__ = ["curve_table", "difference", "settings_table", "verdict"]


def curve_table(curves: Mapping[str, Tensor], windows: int = 10) -> Table:
    """Share of games won, in percent, averaged over windows of updates.

    curves: two estimators' float[seed update]; the difference is second minus first.
    """
    first, second = curves
    seeds, updates = curves[first].shape
    title = (
        f"games won while training, %: mean of {seeds} seeds ± half of the 95 % confidence interval"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("update", justify="right")
    for heading in (first, second, f"{second} − {first}"):
        table.add_column(heading, justify="right")
    windows = min(windows, updates)
    edges = [round(updates * window / windows) for window in range(windows + 1)]
    for start, stop in pairwise(edges):
        table.add_row(f"{start + 1}–{stop}", *_cells(curves, start, stop))
    table.add_section()
    table.add_row("all", *_cells(curves, 0, updates))
    return table


def _cells(curves: Mapping[str, Tensor], start: int, stop: int) -> list[str]:
    first, second = (curve[:, start:stop].mean(dim=1) for curve in curves.values())
    difference = interval(second - first).percent(sign=True)
    return [interval(first).percent(), interval(second).percent(), difference]


def settings_table(
    crossed: Mapping[str, Mapping[str, Tensor]], settings: Mapping[str, Settings]
) -> Table:
    """The same mean over all updates, for different settings of the training.

    crossed: two estimators' float[seed update] by the settings used.
    settings: those of each estimator.
    """
    first, second = next(iter(crossed.values()))
    caption = "Tuned for each estimator on the same games, other seeds:" + "".join(
        f"\n{name}: learning rate {each.learning_rate:g}, weight of the entropy {each.entropy:g}"
        for name, each in settings.items()
    )
    title = "the same over all updates, by settings"
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    table.add_column("settings")
    for heading in (first, second, f"{second} − {first}"):
        table.add_column(heading, justify="right")
    for name, curves in crossed.items():
        table.add_row(name, *_cells(curves, 0, curves[first].shape[1]))
    return table


def difference(curves: Mapping[str, Tensor]) -> Interval:
    """Second minus first estimator, share of games won over all updates, paired by seed."""
    first, second = (curve.mean(dim=1) for curve in curves.values())
    return interval(second - first)


def verdict(crossed: Mapping[str, Mapping[str, Tensor]]) -> str:
    """What the numbers show and do not show; the first entry is the main comparison."""
    own = next(iter(crossed.values()))
    first, second = own
    found = difference(own)
    seeds, updates = own[first].shape
    said = (
        f"Over all {updates} updates the share of games that {second} won, minus {first}'s, is "
        f"{found.percent(sign=True)} percentage points ({seeds} paired seeds, each estimator with "
        f"its own settings): {_said(found, first, second)}"
    )
    for name, each in list(crossed.items())[1:]:
        other = difference(each)
        said += f" With {name}, {_won(other, first, second)} ({other.percent(sign=True)})."
    return said + (
        " The games are the same for every seed, so the interval covers initial weights and "
        "sampling, not other games or policies."
    )


def _said(found: Interval, first: str, second: str) -> str:
    where = "contains" if found.contains_zero else "excludes"
    return f"the interval {where} 0, so {_won(found, first, second)}."


def _won(found: Interval, first: str, second: str) -> str:
    if found.contains_zero:
        return "no difference is shown"
    return f"{second if found.mean > 0 else first} won more"
