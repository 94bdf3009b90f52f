"""The figures to reach: for each the target, what was measured, and whether it was reached."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.fit import exponent, series
from benchmarks.results import Row
from benchmarks.show import duration, ratio

__all__ = ["EXPONENT", "FIGURES", "Figure", "Verdict", "judge", "judge_exponents"]

EXPONENT = 1.05
FLOOR, COPIES, MILLISECONDS, MICROSECONDS = "x floor", "x copy of the result", "ms", "µs"
PEER, TIMES = "times faster than", "times as long as"


@dataclass(frozen=True)
class Figure:
    """A bound on one row: `kind` of `key`; for PEER and TIMES the other, and where it ran."""

    work: str
    key: str
    kind: str
    target: float
    peer: str = ""
    peer_key: str = ""  # the row of the peer's time, if it is another one
    peer_title: str = ""  # what the page calls it, if not by its name
    who: str = "creditlib"
    reason: str = ""  # a measured fact for the page, where the figure is missed


@dataclass(frozen=True)
class Verdict:
    """A figure, and what the rows say of it: "yes", "no" or "not measured"."""

    work: str
    target: str
    measured: str
    reached: str
    reason: str = ""


IN_DRIVERS, ALONE = ("grpo_process", "gigpo", "igpo", "pure"), "estimator alone with to_tokens"
BY_COLUMN = "a column of 1,024 rows costs verl's loop less than twice what one of 256 rows does"


def _figures() -> Iterable[Figure]:
    yield from _token_figures()
    yield from _credit_figures()
    yield from _small_figures()
    yield from _trainer_figures()


def _token_figures() -> Iterable[Figure]:
    for shape in ("256x32768", "1024x4096"):
        for dtype in ("int8", "int64"):
            yield Figure("GAE, holes", f"gae {shape} {dtype}, holes", FLOOR, 3)
        plain, why = f"gae {shape} int8, holes", BY_COLUMN if "4096" in shape else ""
        alone = "verl loop, not whitened"
        yield Figure("GAE, holes, neither whitens", plain, PEER, 150, alone, reason=why)
        whitened = f"gae, whitened {shape} int8, holes"
        title = "GAE, holes, whitened as verl's is"
        yield Figure(title, whitened, PEER, 150, "verl loop", reason=why)
        both, one = f"gae, then whiten {shape} int8, holes", "GAE and whitening in one call"
        yield Figure(one, whitened, PEER, 1.5, "creditlib", both, "both calls")
        full = f"gae {shape} int8, full"
        yield Figure("GAE, no holes (it has none)", full, PEER, 60, "torchrl vectorised")
        yield Figure("GAE, no holes (it has none)", full, PEER, 5, "slime chunked")
        one, who = f"{full}, one thread", "creditlib, torch"
        yield Figure("GAE without numba, one thread", one, TIMES, 1.3, "slime chunked", who=who)
        yield Figure("discounted returns", f"discounted_return {shape} int8, holes", FLOOR, 5)
        plus = f"reinforce_plus_plus {shape} int8, holes"
        yield Figure("REINFORCE++ with whitening", plus, FLOOR, 5)
        yield Figure("REINFORCE++ with whitening", plus, PEER, 50, "verl loop")
    turns = "to_tokens 1024x4096 from turns, int8, holes, one thread"
    yield Figure("10 turns to tokens, one thread", turns, FLOOR, 1.8)
    for variant, title in (("full", "runs of 40 tokens"), ("holes", "holes")):
        short = f"to_tokens 1024x4096 from short turns, int8, {variant}, one thread"
        yield Figure(f"100 turns to tokens, {title}, one thread", short, FLOOR, 3)


def _credit_figures() -> Iterable[Figure]:
    grpo = "grpo to tokens 1024x4096 rewards given, int8, holes"
    yield Figure("GRPO, rewards given per trajectory, to tokens", grpo, FLOOR, 2)
    yield Figure("GRPO, rewards given per trajectory, to tokens", grpo, PEER, 4, "verl vectorised")
    yield Figure("GRPO, rewards given per trajectory, to tokens", grpo, PEER, 15, "verl loop")
    text = "gigpo from text 25600x512 to tokens, int8"
    turns, agent = "gigpo from ids 512x50 turns only", "verl_agent loop"
    yield Figure("GiGPO from text, to tokens", text, COPIES, 10)
    yield Figure("GiGPO from text, to tokens", text, PEER, 300, agent)
    tokens = "gigpo from ids 25600x512 to tokens, int8"
    yield Figure("GiGPO from integer ids, to tokens", tokens, COPIES, 2.5)
    yield Figure("GiGPO from integer ids, turns only", turns, MILLISECONDS, 2)
    yield Figure("GiGPO from integer ids, turns only", turns, PEER, 3000, agent, text)
    igpo = "igpo to tokens 256x32768 int8, adjoining"
    yield Figure("IGPO to tokens", igpo, FLOOR, 4)
    yield Figure("IGPO to tokens", igpo, PEER, 2000, "igpo loop")
    few = "igpo to tokens 32x32768 int8, adjoining"
    yield Figure("IGPO to tokens, an eighth of the rows", few, PEER, 2000, "igpo loop")
    yield Figure("A2TGPO to tokens", "a2tgpo to tokens 256x32768 int8, adjoining", FLOOR, 4)
    pure = "pure to tokens 1024x4096 int8, adjoining"
    yield Figure("PURE to tokens", pure, FLOOR, 5)
    yield Figure("PURE to tokens", pure, PEER, 8, "pure step baseline")


def _small_figures() -> Iterable[Figure]:
    """The host path: a call on 64 rows, by one thread."""
    grpo = "grpo to tokens 64x512 rewards given, int8, holes, one thread"
    yield Figure("GRPO to tokens, one thread", grpo, MICROSECONDS, 25)
    gigpo = "gigpo from ids 64x512 turns only, one thread"
    yield Figure("GiGPO from integer ids, one thread", gigpo, MICROSECONDS, 60)
    yield Figure("PURE, one thread", "pure 64x512 turns only, one thread", MICROSECONDS, 80)


def _trainer_figures() -> Iterable[Figure]:
    """Adapters against the trainer's own code in the same run."""
    small = "grpo in verl's driver 64x512 int64 mask, holes"
    yield Figure("GRPO in verl's driver", small, PEER, 1, "verl loop")
    logged = "grpo in verl's driver, diagnostics 64x512 int64 mask, holes"
    yield Figure("GRPO in verl's driver, diagnostics", logged, TIMES, 1.3, "verl loop")
    keys = [f"{name} in verl's driver 1024x4096 int64 mask, holes" for name in IN_DRIVERS]
    for key in [*keys, "grpo_process in verl's driver 1024x32768 int64 mask, holes"]:
        work = key.partition(" 1024x")[0]
        yield Figure(work, key, TIMES, 3, ALONE, peer_title="the estimator and `to_tokens` alone")


FIGURES = tuple(_figures())


def judge(rows: Sequence[Row], figures: Sequence[Figure] = FIGURES) -> list[Verdict]:
    """One machine's rows against the figures.

    Ours is the call with `out=` if there is one; what it is with fresh results stands beside it.

    >>> figure = Figure("GAE", "gae 64x512", FLOOR, 3)
    >>> judge([], [figure])[0].reached
    'not measured'
    """
    times = {(row.key, row.contestant): row for row in rows if row.p50_us is not None}
    return [_judge(times, figure) for figure in figures]


def _judge(times: dict[tuple[str, str], Row], figure: Figure) -> Verdict:
    sign = "at least" if figure.kind == PEER else "at most"
    unit = f"{figure.kind} {figure.peer_title or figure.peer}" if figure.peer else figure.kind
    target = f"{sign} {figure.target:,g} {unit}"
    size = figure.key.split()
    shape = next(word for word in size if "x" in word and word[0].isdigit())
    dtype = " int64" if "int64" in figure.key else ""
    work = f"{figure.work}, {shape}{dtype}"
    fresh = _measured(times, figure, figure.who)
    given = _measured(times, figure, f"{figure.who}, out=")
    value = fresh if given is None else given
    if value is None:
        return Verdict(work, target, "", "not measured")
    shown = _shown(figure, value)
    if fresh is not None and given is not None:
        shown += f" (fresh results: {_shown(figure, fresh)})"
    if value >= figure.target if figure.kind == PEER else value <= figure.target:
        return Verdict(work, target, shown, "yes")
    return Verdict(work, target, shown, "no", _why(times, figure))


def _why(times: dict[tuple[str, str], Row], figure: Figure) -> str:
    """What the figure would ask of us in time and of the floor, and the reason that is written."""
    ours = times.get((figure.key, figure.who))
    other = times.get((figure.peer_key or figure.key, figure.peer))
    asked = ""
    if figure.kind == PEER and ours and ours.floor_us and other and other.p50_us:
        needed = other.p50_us / figure.target
        asked = f"it would be {duration(needed)}, {ratio(needed / ours.floor_us)} x floor"
    return "; ".join(part for part in (asked, figure.reason) if part)


def _shown(figure: Figure, value: float) -> str:
    units = {MILLISECONDS: 1e3, MICROSECONDS: 1.0}
    return duration(value * units[figure.kind]) if figure.kind in units else ratio(value)


def _measured(times: dict[tuple[str, str], Row], figure: Figure, contestant: str) -> float | None:
    ours = times.get((figure.key, contestant))
    return None if ours is None else _value(times, figure, ours)


def _value(times: dict[tuple[str, str], Row], figure: Figure, ours: Row) -> float | None:
    if ours.p50_us is None:
        return None
    per: dict[str, Callable[[], float | None]] = {
        FLOOR: lambda: ours.floor_us,
        COPIES: lambda: ours.copy_us,
        MILLISECONDS: lambda: 1e3,
        MICROSECONDS: lambda: 1.0,
    }
    if figure.kind in per:
        unit = per[figure.kind]()
        return None if not unit else ours.p50_us / unit
    other = times.get((figure.peer_key or figure.key, figure.peer))
    if other is None or not other.p50_us:
        return None
    return ours.p50_us / other.p50_us if figure.kind == TIMES else other.p50_us / ours.p50_us


def judge_exponents(rows: Sequence[Row]) -> list[Verdict]:
    """The fitted exponents of one machine's series against the bound."""
    verdicts: list[Verdict] = []
    for (op, axis), points in series(rows).items():
        sizes = [row.x or 1.0 for row in points]
        times = [row.p50_us or 1.0 for row in points]
        slope = exponent(sizes, times)
        last = [place for place, size in enumerate(sizes) if size >= sizes[-1] / 11]
        late = exponent([sizes[i] for i in last], [times[i] for i in last]) if last[1:] else slope
        decades = f"{points[0].x:,.0f} to {points[-1].x:,.0f} {axis}"
        met = "yes" if slope <= EXPONENT else "no"
        verdicts.append(
            Verdict(
                f"{op}, {decades}",
                f"exponent at most {EXPONENT}",
                f"{slope:.2f}, last decade {late:.2f}",
                met,
            )
        )
    return verdicts
