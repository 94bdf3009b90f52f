import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditlib.testing import LAWS
from creditlib.testing.draws import Searched, Tossed
from creditlib.testing.running import put
from creditlib.testing.subject import subject_of


def check_ranges(draws):
    assert draws.whole(2, 5) in range(2, 6)
    assert draws.flag() in (True, False)
    assert draws.one_of("abc") in "abc"
    assert len(draws.raw(9)) == 9
    rows = draws.rows(4, 1, 3)
    assert len(rows) in (1, 2, 3)
    assert all(len(row) == 4 for row in rows)
    assert all(abs(number) <= 100 for number in draws.palette())


@given(st.data())
def test_searched_draws_stay_in_their_ranges(data):
    check_ranges(Searched(data.draw))


@pytest.mark.parametrize("seed", range(50))
def test_tossed_draws_stay_in_their_ranges(seed):
    check_ranges(Tossed(seed))


def test_a_seed_tosses_the_same_and_another_one_other_things():
    one, again, other = (Tossed(seed).rows(30, 6, 6) for seed in (1, 1, 2))
    assert one == again != other


def test_everything_that_may_come_up_comes_up():
    dice = Tossed(3)
    assert {dice.whole(0, 2) for _ in range(99)} == {0, 1, 2}
    assert {dice.one_of("abc") for _ in range(99)} == set("abc")
    batches = [dice.rows(8, 0, 4) for _ in range(200)]
    assert {len(rows) for rows in batches} == {0, 1, 2, 3, 4}
    assert any(len(set(rows)) < len(rows) for rows in batches), "some trajectories come twice"
    assert any(max(map(max, rows)) < 4 for rows in batches if rows), "some are of small bytes"
    assert any(max(map(max, rows)) > 250 for rows in batches if rows)


def test_tosses_are_counted_and_find_what_is_broken():
    law = LAWS["constant_groups_get_nothing"]
    kept = put(law, subject_of("rloo", {}), examples=5, tosses=40)
    assert kept.state == "kept"
    assert 40 <= kept.examples <= 45
    raw = subject_of("rloo", {"lone": "raw"})
    assert put(LAWS["lone_members_get_nothing"], raw, examples=1, tosses=40).state == "broken"


def test_a_law_that_speaks_of_nothing_is_not_tossed_for():
    verdict = put(LAWS["weights_keep_the_total"], subject_of("rloo", {}), tosses=10)
    assert verdict.state == "not applicable"
