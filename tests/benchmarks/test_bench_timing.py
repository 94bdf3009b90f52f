"""Rounds, quantiles, exponents: without a clock wherever one can do without."""

import contextlib

import pytest

from benchmarks import fit, timing
from benchmarks.results import Row

pytestmark = pytest.mark.usefixtures("allocator_left_alone")


def test_contestants_take_turns():
    order = []
    runners = {
        name: (lambda name=name: order.append(name), contextlib.nullcontext) for name in "ab"
    }
    timing.interleave(runners, seconds=0.0, repeat=3)
    order = "".join(order)
    # Each warms up first; then a run of a, a run of b, three times.
    runs = [name for name, before in zip(order, " " + order, strict=False) if name != before]
    assert runs == ["a", "b"] * 4


def test_everybody_runs_at_least_three_times_however_slow():
    calls = []
    times = timing.interleave(
        {"slow": (lambda: calls.append(1), contextlib.nullcontext)}, seconds=0.0
    )
    assert times["slow"].repeats == timing.LEAST == 3


def test_a_call_known_to_be_slow_is_a_sample_and_is_not_warmed():
    calls = []
    runners = {"slow": (lambda: calls.append(1), contextlib.nullcontext)}
    times = timing.interleave(runners, seconds=0.0, known={"slow": 1e6})
    assert (times["slow"].p80, times["slow"].repeats, len(calls)) == (1e6, 3, 2)
    calls.clear()
    times = timing.interleave(runners, seconds=0.0, known={"slow": 1.0})
    assert (times["slow"].p80 < 1.0, times["slow"].repeats, len(calls)) == (True, 3, 3)


def test_quantiles_by_hand():
    assert timing.quantiles([4.0, 1.0, 3.0, 2.0, 5.0, 6.0]) == timing.Times(2.0, 3.0, 5.0, 6)


def test_the_fit_finds_a_known_slope():
    sizes = [10.0**step for step in range(4)]
    assert fit.exponent(sizes, [3 * size**1.5 for size in sizes]) == pytest.approx(1.5)
    assert fit.exponent(sizes, [7.0] * 4) == pytest.approx(0.0)
    with pytest.raises(ValueError, match="one size"):
        fit.exponent([2.0, 2.0], [1.0, 2.0])


def test_a_series_holds_ours_by_size_and_needs_two():
    def row(op, x, who="creditlib"):
        return Row(op=op, axis="tokens", x=x, contestant=who, p50_us=1.0)

    rows = [row("gae", 20.0), row("gae", 10.0), row("gae", 30.0, "verl"), row("lone", 1.0)]
    assert [each.x for each in fit.series(rows)["gae", "tokens"]] == [10.0, 20.0]
    assert set(fit.series(rows)) == {("gae", "tokens")}
