"""A figure of credit for papers: trajectories x turns, a panel per estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from creditlib.report.credit_columns import Column, Estimator, credit_columns
from creditlib.report.explain_choice import choose_groups
from creditlib.report.summary import summarize
from creditlib.rollouts import Rollouts
from creditlib.vocabulary.messages import contract_error, one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["figure"]

# From negative over zero to positive. Orange and blue differ under every colour blindness.
_COLORS = ("#7a3306", "#c9560a", "#f3b98d", "#ffffff", "#a9c8e6", "#1a5fa8", "#0c3057")
_SHADES = 257  # an odd number: 0 is exactly white
_NOT_FINITE, _EXCLUDED, _MISSING = "#000000", "#a8a8a8", "#e4e4e4"
_LABELLED = 40  # more rows have no names: they would overlap
_VECTOR = 20_000  # cells of a panel that are drawn one by one; more become one picture
_LINED = 2_500  # cells of a panel with lines between them
_WIDE, _TALL = (0.1, 1.3, 2.6), (0.14, 0.8, 6.0)  # inches of a cell; of a panel, least and most


def figure(
    rollouts: Rollouts,
    estimators: Sequence[Estimator],
    *,
    group: str | int | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Figure:
    """The credit of one group as a heat map: a row is a trajectory, a column a turn.

    Each estimator has a panel. All panels have one colour scale, from orange over white to blue,
    which is centred on zero and ends at the largest finite |credit| of the group. Trajectories are
    sorted by outcome, the largest on top. Turns behind the end of a trajectory are light grey.
    Trajectories without an outcome are grey and hatched. Credit that is not finite is black.

    Cells and text are vectors in PDF and SVG, up to 20,000 cells a panel. Some publishers ask for
    TrueType fonts in PDF: save it under `matplotlib.rc_context({"pdf.fonttype": 42})`.

    Args:
        rollouts: what `creditlib.rollouts.read` returns.
        estimators: what `resolve` takes, one for each panel.
        group: the group, as in the file; None takes the one whose credit varies most under the
            first estimator.
        options: arguments by estimator, such as {"gigpo": {"gamma": 0.9}}.

    Errors: matplotlib is missing; an estimator cannot run on these rollouts; an unknown group.

    >>> from creditlib.rollouts import from_trajectories
    >>> batch = from_trajectories([
    ...     {"group": "a", "outcome": 1.0, "turns": [{}, {}]},
    ...     {"group": "a", "outcome": 0.0, "turns": [{}]},
    ... ])
    >>> found = figure(batch, ["grpo", "rloo"])
    >>> [panel.get_title() for panel in found.axes]
    ['grpo', 'rloo', '']
    """
    from creditlib.report.audit_figures import as_png, need_matplotlib

    need_matplotlib("figure")
    columns = credit_columns(rollouts, estimators, options=options)
    reason = next((column.reason for column in columns if column.reason), "")
    if reason or not columns:
        wanted = "estimators that can run on these rollouts"
        raise contract_error("figure", "estimators", wanted, one_line(reason).rstrip(".") or "none")
    names = None if group is None else [group]
    chosen = choose_groups(summarize(rollouts, columns), names, limit=1, function="figure")[0]
    outcomes = [rollouts.trajectories[row]["outcome"] for row in chosen.rows]
    order = sorted(range(len(outcomes)), key=lambda k: _last_if_none(outcomes[k]))
    rows = [chosen.rows[k] for k in order]
    labels = [_label(rollouts, row) for row in rows]
    drawing = _drawn(rollouts, columns, rows, labels, one_line(chosen.name))
    # A notebook shows a figure by itself only where pyplot was imported; this one it always shows.
    setattr(drawing, "_repr_png_", partial(as_png, drawing))  # noqa: B010
    return drawing


def _last_if_none(outcome: float | None) -> float:
    return float("inf") if outcome is None else -outcome


def _label(rollouts: Rollouts, row: int) -> str:
    trajectory = rollouts.trajectories[row]
    name, outcome = trajectory.get("id"), trajectory["outcome"]
    title = f"#{row + 1}" if name is None else one_line(name)[:20]
    return f"{title}: {'none' if outcome is None else f'{outcome:.3g}'}"


def _drawn(
    rollouts: Rollouts,
    columns: Sequence[Column],
    rows: Sequence[int],
    labels: Sequence[str],
    name: str,
) -> Figure:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize
    from matplotlib.figure import Figure

    tensors = rollouts.tensors
    count, valid = tensors["turn_count"][list(rows)].numpy(), tensors["valid"][list(rows)].numpy()
    turns = max(int(count.max(initial=0)), 1)
    tables = [
        column.turn_credit[list(rows), :turns].double().numpy()
        for column in columns
        if column.turn_credit is not None
    ]
    there = np.arange(turns) < count[:, None]
    known = [np.abs(table[there & np.isfinite(table)]) for table in tables]
    largest = max((float(each.max()) for each in known if len(each)), default=0.0) or 1.0
    colors = LinearSegmentedColormap.from_list("credit", _COLORS, N=_SHADES)
    scale = ScalarMappable(Normalize(-largest, largest), colors)
    wide, tall = _inches(turns, *_WIDE), _inches(len(rows), *_TALL)
    size = (0.8 + len(tables) * (wide + 0.1) + 0.6, tall + 1.1)
    drawing = Figure(figsize=size, layout="constrained")
    panels = drawing.subplots(1, len(tables), squeeze=False, sharey=True)[0]
    for panel, column, table in zip(panels, columns, tables, strict=True):
        rgba = scale.to_rgba(table)
        rgba[~np.isfinite(table)] = _rgba(_NOT_FINITE)
        rgba[~valid] = _rgba(_EXCLUDED)
        rgba[~there] = _rgba(_MISSING)
        _panel(panel, rgba, np.where(valid, 0, count).tolist())
        panel.set_title(one_line(column.name), fontsize=8, parse_math=False)
        panel.set_xlabel("turn", fontsize=7)
    first = panels[0]
    shown = len(rows) <= _LABELLED
    first.set_yticks(range(len(rows)) if shown else [], labels if shown else [], parse_math=False)
    first.set_ylabel("trajectory: outcome" if shown else "trajectories by outcome", fontsize=7)
    bar = drawing.colorbar(scale, ax=list(panels), pad=0.02)
    bar.set_label("credit", fontsize=7)
    bar.ax.tick_params(labelsize=6)
    finite = all(np.isfinite(table[there & valid[:, None]]).all() for table in tables)
    _legend(drawing, missing=not there.all(), excluded=not valid.all(), finite=finite)
    drawing.suptitle(f"group {name}", fontsize=8, parse_math=False)
    return drawing


def _inches(cells: int, each: float, least: float, most: float) -> float:
    return min(max(each * cells, least), most)


def _rgba(color: str) -> tuple[float, float, float, float]:
    from matplotlib.colors import to_rgba

    return to_rgba(color)


def _panel(panel: Axes, rgba: np.ndarray[Any, Any], count: Sequence[int]) -> None:
    """The cells of a panel; `count` is the turns of each row to hatch, 0 for the others."""
    from matplotlib.patches import Rectangle
    from matplotlib.ticker import MaxNLocator

    rows, turns = rgba.shape[:2]
    x, y = np.arange(turns + 1) - 0.5, np.arange(rows + 1) - 0.5
    cells = panel.pcolormesh(x, y, rgba, rasterized=rows * turns > _VECTOR)
    if rows * turns <= _LINED:
        cells.set(edgecolor="#d0d0d0", linewidth=0.3)
    for row, size in enumerate(count):
        bar = Rectangle((-0.5, row - 0.5), size, 1, fill=False, hatch="////", linewidth=0)
        bar.set_edgecolor("#303030")
        panel.add_patch(bar)
    panel.set_ylim(rows - 0.5, -0.5)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    panel.tick_params(labelsize=6, length=2)


def _legend(drawing: Figure, *, missing: bool, excluded: bool, finite: bool) -> None:
    """What the greys mean, of those that occur."""
    from matplotlib.patches import Patch

    entries: list[Any] = []
    if missing:
        entries.append(Patch(facecolor=_MISSING, edgecolor="#808080", label="no turn"))
    if excluded:
        label = "excluded: no outcome"
        entries.append(Patch(facecolor=_EXCLUDED, edgecolor="#303030", hatch="////", label=label))
    if not finite:
        entries.append(Patch(facecolor=_NOT_FINITE, label="not finite"))
    if entries:
        drawing.legend(handles=entries, loc="outside lower center", ncols=3, fontsize=6)
