"""The small pictures of the first screen, as SVG without styles of their own: page.css has them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from creditlib.report.page.texts import visible

__all__ = ["bar", "bars_by_turn", "shares"]

_WIDTH, _HEIGHT = 320, 64  # of a chart by turn, in its own units
_MOST = 80  # bars in one chart; more turns share a bar


def bar(value: float | None, largest: float) -> str:
    """A horizontal bar from 0 to `largest`; none for a value that is not known.

    >>> bar(0.5, 1.0)
    '<svg class="bar" viewBox="0 0 100 8" aria-hidden="true"><rect width="50" height="8"/></svg>'
    """
    if value is None or not largest > 0 or not value > 0:
        return ""
    width = f"{min(value / largest, 1) * 100:.4g}"
    rect = f'<rect width="{width}" height="8"/>'
    return f'<svg class="bar" viewBox="0 0 100 8" aria-hidden="true">{rect}</svg>'


def bars_by_turn(name: str, values: Sequence[float | None], largest: float) -> str:
    """Upright bars of mean |credit| by turn, up to `largest`; each says its number when pointed at.

    Of more than 80 turns, neighbours share a bar: the mean of theirs.

    >>> bars_by_turn("grpo", [1.0, None], 1.0).count("<rect")
    1
    """
    step = -(-len(values) // _MOST) or 1
    bars: list[str] = []
    width = _WIDTH / max(-(-len(values) // step), 1)
    for number, start in enumerate(range(0, len(values), step)):
        known = [value for value in values[start : start + step] if value is not None]
        if not known or not largest > 0:
            continue
        mean = sum(known) / len(known)
        last = min(start + step, len(values)) - 1
        turns = f"turn {start}" if last == start else f"turns {start} to {last}"
        height = max(min(mean / largest, 1.0) * _HEIGHT, 0.5)
        bars.append(
            f'<rect x="{number * width:.4g}" y="{_HEIGHT - height:.4g}" '
            f'width="{max(width - 1, width * 0.7):.4g}" height="{height:.4g}">'
            f"<title>{turns}: {mean:.4g}</title></rect>"
        )
    label = f"Mean size of the credit of {name} by turn{_extremes(values)}"
    return (
        f'<svg class="by-turn" viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" '
        f'role="img" aria-label="{escape(visible(label))}">{"".join(bars)}</svg>'
    )


def _extremes(values: Sequence[float | None]) -> str:
    """Where a chart begins and ends, and its largest number, for a reader who does not see it."""
    known = [(value, turn) for turn, value in enumerate(values) if value is not None]
    if not known:
        return ": no credit"
    top, at = max(known, key=lambda pair: pair[0])
    first, last = known[0], known[-1]
    return (
        f": {first[0]:.4g} at turn {first[1]}, {last[0]:.4g} at turn {last[1]}, at most {top:.4g} "
        f"at turn {at}"
    )


def shares(parts: Sequence[tuple[str, str, int]]) -> str:
    """One bar that is divided among parts; each part is (class, name, count).

    >>> shares([("signal", "with credit", 3), ("silent", "without credit", 1)]).count("<rect")
    2
    """
    total = sum(count for _, _, count in parts)
    label = ", ".join(f"{count:,} {name}" for _, name, count in parts if count)
    found: list[str] = []
    start = 0.0
    for kind, name, count in parts:
        width = 100 * count / total if total else 0.0
        if count:
            found.append(
                f'<rect class="{escape(kind)}" x="{start:.4g}" width="{width:.4g}" height="6">'
                f"<title>{count:,} {escape(name)}</title></rect>"
            )
        start += width
    return (
        '<svg class="shares" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label) or "no group"}">{"".join(found)}</svg>'
    )
