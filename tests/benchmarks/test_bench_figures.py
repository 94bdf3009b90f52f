"""Kinds of figures by hand: who is judged, against what, and what is said where one is missed."""

from benchmarks import figures
from benchmarks.figures import Figure, judge
from benchmarks.results import Row

KEY = "gae 2x3"
ROWS = [
    Row(op="gae", shape="2x3", contestant="creditlib", p50_us=30.0, floor_us=10.0),
    Row(op="gae", shape="2x3", contestant="creditlib, torch", p50_us=240.0, floor_us=10.0),
    Row(op="gae", shape="2x3", contestant="slime chunked", side="peer", p50_us=200.0),
    Row(op="gae, then whiten", shape="2x3", contestant="creditlib", p50_us=60.0, floor_us=10.0),
]


def one(*rows, **figure):
    (verdict,) = judge(rows or ROWS, [Figure("GAE", KEY, **figure)])
    return verdict.target, verdict.measured, verdict.reached, verdict.reason


def test_microseconds_are_judged_as_they_are():
    kind = figures.MICROSECONDS
    assert one(kind=kind, target=30) == ("at most 30 µs", "30 µs", "yes", "")
    assert one(kind=kind, target=25) == ("at most 25 µs", "30 µs", "no", "")


def test_another_backend_may_take_at_most_so_long_as_a_peer():
    given = {"kind": figures.TIMES, "peer": "slime chunked", "who": "creditlib, torch"}
    # 240 over 200.
    wanted = "at most 1.2 times as long as slime chunked"
    assert one(target=1.2, **given) == (wanted, "1.2", "yes", "")
    assert one(target=1.1, **given)[2] == "no"


def test_one_call_against_two_of_ours_in_another_row():
    given = {"kind": figures.PEER, "peer": "creditlib", "peer_key": "gae, then whiten 2x3"}
    # 60 over 30; 2.5 times faster than 60 are 24, over a floor of 10.
    wanted = "at least 2 times faster than both calls"
    assert one(target=2, peer_title="both calls", **given) == (wanted, "2.0", "yes", "")
    assert one(target=2.5, **given)[1:] == ("2.0", "no", "it would be 24 µs, 2.4 x floor")


def test_a_written_reason_is_told_only_where_the_figure_is_missed():
    given = {"kind": figures.FLOOR, "reason": "half of it is a sort"}
    assert one(target=3, **given)[2:] == ("yes", "")
    assert one(target=2, **given)[2:] == ("no", "half of it is a sort")
    assert one(Row(), target=2, **given)[2:] == ("not measured", "")


def test_a_missed_ratio_says_both():
    given = {"kind": figures.PEER, "peer": "slime chunked", "reason": "a fact"}
    assert one(target=8, **given)[3] == "it would be 25 µs, 2.5 x floor; a fact"
