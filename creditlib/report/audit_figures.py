"""The pictures of an audit. They need matplotlib: the extra [plots]."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from creditlib.audit.result import Audit
from creditlib.vocabulary.install_hint import install_hint
from creditlib.vocabulary.messages import ContractError, one_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "CAPTIONS",
    "as_png",
    "as_svg",
    "bias_against_snr",
    "credit_heat_map",
    "figures",
    "learning_curves",
    "need_matplotlib",
    "one_picture",
    "path_cosines",
]

CAPTIONS = {
    "credit": "Credit of one group beside the oracle's: a row is a trajectory, a column a turn.",
    "bias": "Bias of the mean gradient against signal over noise; the dashed line is the oracle's.",
    "learning": "Exact success while learning: the median over seeds, and the band of quartiles.",
    "path": "Cosine of the mean gradient with the true one along the estimator's own training.",
}
_LEAST_BIAS = 1e-4  # smaller numbers stand there: a logarithmic axis has no 0
_SMALLEST_SNR = 1e-6


def need_matplotlib(function: str = "audit") -> None:
    """Refuse in one sentence where matplotlib is missing."""
    try:
        import matplotlib as _  # noqa: F401
    except ImportError:
        hint = install_hint("plots")
        raise ContractError(f"{function}: pictures need matplotlib: {hint}.") from None


def figures(audit: Audit) -> dict[str, Figure]:
    """The pictures that an audit has data for, in the order and by the names of `CAPTIONS`."""
    need_matplotlib()
    makers: dict[str, Callable[[Audit], Figure | None]] = {
        "credit": credit_heat_map,
        "bias": bias_against_snr,
        "learning": learning_curves,
        "path": path_cosines,
    }
    found = {name: make(audit) for name, make in makers.items()}
    return {name: figure for name, figure in found.items() if figure is not None}


def _grid(rows: int, columns: int, width: float, height: float, below: float = 0.55) -> Any:
    """A figure of panels of a size in inches, and the panels [row column]."""
    from matplotlib.figure import Figure

    left, right, above, apart = 0.65, 0.15, 0.65, 0.4
    wide = left + right + columns * width + (columns - 1) * apart
    high = above + below + rows * height + (rows - 1) * apart
    figure = Figure(figsize=(wide, high))
    plots = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(
        left=left / wide,
        right=1 - right / wide,
        bottom=below / high,
        top=1 - above / high,
        wspace=apart / width,
        hspace=apart / height,
    )
    return figure, plots


def _title(text: str) -> str:
    """A name as it is: `$` would start a formula."""
    return one_line(text).replace("$", r"\$")


def _colors(audit: Audit) -> dict[str, str]:
    return {name: f"C{number % 10}" for number, name in enumerate(audit.every)}


def credit_heat_map(audit: Audit) -> Figure | None:
    """One group: the oracle's credit, then each estimator's, scaled to their own largest |credit|.

    One colour scale for all, centred on zero. A row is a trajectory, solved ones on top; turns
    after its end are blank. None without data.
    """
    if not audit.heat_maps:
        return None
    import numpy

    first = next(iter(audit.heat_maps.values()))
    panels = [("oracle", first.advantage)]
    panels += [(name, shown.credit) for name, shown in audit.heat_maps.items()]
    figure, plots = _grid(1, len(panels) + 1, 1.8, 1.9, below=0.8)
    *axes, last = plots[0]
    shown: Any = None
    for plot, (name, credit) in zip(axes, panels, strict=True):
        values = numpy.ma.masked_invalid(credit.numpy())
        largest = float(abs(values).max())
        shown = plot.imshow(values / (largest or 1.0), cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
        plot.set_title(f"{_title(name)}\nlargest {largest:.2g}", fontsize=8)
        names = [_title(each) for each in first.turns]
        plot.set_xticks(range(len(names)), names, rotation=60, fontsize=6, ha="right")
        plot.set_yticks([])
    rewards = [f"{value:.3g}" for value in first.reward.tolist()]
    axes[0].set_yticks(range(len(rewards)), rewards, fontsize=6)
    axes[0].set_ylabel(f"{_title(audit.heat_task)}: reward of the trajectory", fontsize=7)
    last.set_axis_off()
    place = last.get_position()
    bar = figure.colorbar(shown, cax=figure.add_axes((place.x0, place.y0, 0.012, place.height)))
    bar.set_label("share of the panel's largest |credit|", fontsize=7)
    bar.ax.tick_params(labelsize=6)
    return figure


def bias_against_snr(audit: Audit) -> Figure | None:
    """A panel a task: 1 - cosine of the mean against SNR with intervals, both logarithmic.

    The dashed line is the oracle's SNR, the ceiling of any credit of one sample; a process reward
    may pass it. A bias below 1e-4 is drawn there.
    """
    tasks = [task for task in audit.tasks if audit.own.quality_of(task, "snr") is not None]
    if not tasks:
        return None
    columns = min(4, len(tasks))
    rows = math.ceil(len(tasks) / columns)
    figure, plots = _grid(rows, columns, 2.1, 1.6)
    colors = _colors(audit)
    for plot, task in zip(plots.flat, tasks, strict=False):
        for name in audit.every:
            _point(plot, audit, task, name, colors[name])
        ceiling = _ceiling(audit, task)
        if ceiling is not None:
            plot.axvline(ceiling, linestyle="--", color="grey", linewidth=1)
        plot.axhline(0.1, linestyle=":", color="red", linewidth=0.8)
        plot.set(xscale="log", yscale="log", ylim=(_LEAST_BIAS / 2, 3))
        plot.minorticks_off()
        plot.set_title(_title(task), fontsize=8)
        plot.tick_params(labelsize=6)
    for plot in plots.flat[len(tasks) :]:
        plot.set_axis_off()
    figure.supxlabel("signal over noise of a group's gradient", fontsize=8)
    figure.supylabel("1 - cosine of the mean", fontsize=8)
    _legend(figure, plots.flat[0], list(colors))
    return figure


def _legend(figure: Figure, plot: Any, names: list[str]) -> None:
    """One legend for all panels: the estimators by their colours."""
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=f"C{i % 10}", marker="o", ms=4) for i in range(len(names))]
    figure.legend(
        lines,
        [_title(name) for name in names],
        loc="upper center",
        ncols=min(4, len(names)),
        fontsize=7,
    )


def _point(plot: Any, audit: Audit, task: str, name: str, color: str) -> None:
    snr = audit.every[name].quality_of(task, "snr")
    cosine = audit.every[name].quality_of(task, "cosine")
    if snr is None or cosine is None or snr.value is None or cosine.value is None:
        return
    x, y = max(snr.value, _SMALLEST_SNR), max(1 - cosine.value, _LEAST_BIAS)
    wide = [[max(0.0, x - max(snr.low or 0.0, x / 10))], [max(0.0, (snr.high or x) - x)]]
    top = 1 - (cosine.value if cosine.low is None else cosine.low)
    bottom = 1 - (cosine.value if cosine.high is None else cosine.high)
    tall = [[max(0.0, y - max(bottom, _LEAST_BIAS))], [max(0.0, top - y)]]
    plot.errorbar(x, y, xerr=wide, yerr=tall, fmt="o", ms=4, color=color, elinewidth=0.8)


def _ceiling(audit: Audit, task: str) -> float | None:
    """The oracle's SNR, from an estimator's and its share."""
    for tiers in audit.every.values():
        snr, share = tiers.quality_of(task, "snr"), tiers.quality_of(task, "snr_over_oracle")
        if snr is not None and share is not None and snr.value and share.value:
            return snr.value / share.value
    return None


def learning_curves(audit: Audit) -> Figure | None:
    """A panel a task: the median success over seeds after each update, and its quartiles."""
    curves = audit.curves
    if not curves:
        return None
    tasks = list(dict.fromkeys(curve.task for curve in curves))
    figure, plots = _grid(math.ceil(len(tasks) / 4), min(4, len(tasks)), 2.2, 1.8)
    colors = _colors(audit)
    for plot, task in zip(plots.flat, tasks, strict=False):
        for curve in (each for each in curves if each.task == task):
            color, steps = colors.get(curve.estimator, "grey"), range(len(curve.middle))
            plot.plot(steps, curve.middle, color=color, linewidth=1.2)
            plot.fill_between(steps, curve.low, curve.high, color=color, alpha=0.2, linewidth=0)
        plot.set_title(_title(task), fontsize=8)
        plot.set_ylim(-0.02, 1.02)
        plot.tick_params(labelsize=6)
    for plot in plots.flat[len(tasks) :]:
        plot.set_axis_off()
    figure.supxlabel("updates", fontsize=8)
    figure.supylabel("success", fontsize=8)
    _legend(figure, plots.flat[0], list(colors))
    return figure


def path_cosines(audit: Audit) -> Figure | None:
    """A panel an estimator: a line a task, the cosine after updates of its own training."""
    named = {name: tiers for name, tiers in audit.every.items() if tiers.path}
    if not named:
        return None
    figure, grid = _grid(1, len(named), 2.0, 1.8)
    plots = grid[0]
    tasks = list(dict.fromkeys(row.task for tiers in named.values() for row in tiers.path))
    for plot, (name, tiers) in zip(plots, named.items(), strict=True):
        for number, task in enumerate(tasks):
            rows = [row for row in tiers.path if row.task == task and row.cosine is not None]
            points = [row.update for row in rows], [row.cosine for row in rows]
            plot.plot(*points, marker="o", ms=3, color=f"C{number % 10}", linewidth=1)
        plot.axhline(0.9, linestyle=":", color="red", linewidth=0.8)
        plot.axhline(0, color="grey", linewidth=0.6)
        plot.set_title(_title(name), fontsize=8)
        plot.set_ylim(-1.05, 1.05)
        plot.tick_params(labelsize=6)
    figure.supxlabel("updates of its own training", fontsize=8)
    figure.supylabel("cosine", fontsize=8)
    _legend(figure, plots[0], tasks)
    return figure


def as_svg(figure: Figure) -> str:
    """A figure as SVG text that stands inside a page: no declaration, the same bytes each time."""
    with _settings():
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)


def as_png(figure: Figure, dots: int = 110) -> bytes:
    """A figure as a PNG picture."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dots, metadata={"Software": None})
    return buffer.getvalue()


def _settings() -> AbstractContextManager[None]:
    import matplotlib

    return matplotlib.rc_context({"svg.hashsalt": "creditlib", "svg.fonttype": "path"})


def one_picture(audit: Audit, file: Path) -> None:
    """All pictures of an audit below each other, as one PNG file."""
    import numpy
    from matplotlib.image import imread

    found = [imread(io.BytesIO(as_png(figure))) for figure in figures(audit).values()]
    width = max(image.shape[1] for image in found)
    padded = [
        numpy.pad(image, ((0, 0), (0, width - image.shape[1]), (0, 0)), constant_values=1.0)
        for image in found
    ]
    from matplotlib.image import imsave

    imsave(file, numpy.concatenate(padded), metadata={"Software": "creditlib"})
