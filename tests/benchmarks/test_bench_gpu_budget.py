"""Shares of a session's time, with a clock that tests turn by hand. It does not need torch."""

from benchmarks.gpu.budget import Limit, allotment
from benchmarks.gpu.parts import PARTS


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_shares_of_eight_minutes_by_hand():
    shares = [part.share for part in PARTS]
    assert sum(shares) == 480
    # 480 seconds in shares of 480: each part gets its seconds, if each takes all of them.
    left, given = 480.0, []
    for place in range(len(shares)):
        given.append(allotment(left, shares[place:]))
        left -= given[-1]
    assert [round(each, 6) for each in given] == shares


def test_time_that_a_part_leaves_goes_to_all_later_ones():
    # 100 s, shares 1 : 1 : 2. The first may take 25; it takes 5. 95 are left: 95/3, then the rest.
    assert allotment(100, [1, 1, 2]) == 25
    assert allotment(95, [1, 2]) == 95 / 3
    assert allotment(95 - 95 / 3, [2]) == 95 - 95 / 3


def test_a_part_that_takes_too_long_takes_from_all_later_ones_and_nothing_is_negative():
    assert allotment(-1, [1, 2]) == 0
    assert allotment(30, [1, 2]) == 10


def test_a_limit_counts_down_and_stays_at_nothing():
    clock = Clock()
    limit = Limit(10, clock)
    clock.now += 4
    assert (limit.spent(), limit.left()) == (4, 6)
    clock.now += 7
    assert (limit.spent(), limit.left()) == (11, 0)


def test_items_end_with_the_time_and_the_rest_is_counted():
    clock, left_out, seen = Clock(), [], []
    for item in Limit(10, clock).while_left("abcdef", left_out.append):
        seen.append(item)
        clock.now += 4  # after a, b, c: 12 seconds
    assert (seen, left_out) == (["a", "b", "c"], [3])


def test_items_that_fit_are_all_seen():
    left_out = []
    assert list(Limit(10, Clock()).while_left([1, 2], left_out.append)) == [1, 2]
    assert left_out == []
