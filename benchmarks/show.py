"""What a run prints: a line a contestant, beside the floor and beside ours."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results import Row

__all__ = ["duration", "lines", "ratio"]


def duration(microseconds: float | None) -> str:
    """A time with three digits and its unit.

    >>> duration(1234.5), duration(0.5), duration(2.5e6), duration(None)
    ('1.23 ms', '0.5 µs', '2.5 s', '')
    """
    if microseconds is None:
        return ""
    for size, unit in ((1e6, "s"), (1e3, "ms")):
        if microseconds >= size:
            return f"{microseconds / size:.3g} {unit}"
    return f"{microseconds:.3g} µs"


def ratio(value: float | None) -> str:
    """A ratio with two digits, plain numbers from 10 on.

    >>> ratio(1.234), ratio(12.6), ratio(2345.6), ratio(None)
    ('1.2', '13', '2,346', '')
    """
    if value is None:
        return ""
    return f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"


def lines(rows: Sequence[Row]) -> list[str]:
    """One input: its floor, then everybody's time, ratio to the floor and to ours, and memory."""
    if not rows:
        return []
    first = rows[0]
    ours = next((row.p50_us for row in rows if row.contestant == "creditlib"), None)
    text = [f"{first.key}   floor {duration(first.floor_us)}"]
    for row in rows:
        if row.refused:
            text.append(f"    {row.contestant:28} no number: {row.refused}")
            continue
        if row.p50_us is None or first.floor_us is None:
            continue
        spread = f"{duration(row.p50_us)} ({duration(row.p20_us)} to {duration(row.p80_us)})"
        against = ratio(row.p50_us / first.floor_us)
        parts = [f"    {row.contestant:28} {spread:38} {against} x floor"]
        if row.side == "peer" and ours:
            parts.append(f"{ratio(row.p50_us / ours)} x creditlib")
        if row.default_us is not None:
            parts.append(f"{duration(row.default_us)} in a default process")
        if row.peak_tensors is not None:
            parts.append(f"peak {row.peak_tensors:.1f} tensors")
        if row.repeats is not None and row.repeats <= 3:
            parts.append(f"{row.repeats} repeat{'s' * (row.repeats > 1)} only")
        text.append(", ".join(parts))
    return text
