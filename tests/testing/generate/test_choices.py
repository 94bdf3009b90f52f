import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditlib.testing import LAWS
from creditlib.testing.engine.runner import run_law
from creditlib.testing.generate.choices import HypothesisSource, RandomSource
from creditlib.testing.subject import subject_of


def check_ranges(draws):
    assert draws.integer(2, 5) in range(2, 6)
    assert draws.boolean() in (True, False)
    assert draws.one_of("abc") in "abc"
    assert len(draws.row(9)) == 9
    rows = draws.rows(4, 1, 3)
    assert len(rows) in (1, 2, 3)
    assert all(len(row) == 4 for row in rows)
    assert all(abs(number) <= 100 for number in draws.reward_values())


@given(st.data())
def test_hypothesis_draws_stay_in_their_ranges(data):
    check_ranges(HypothesisSource(data.draw))


@pytest.mark.parametrize("seed", range(50))
def test_random_draws_stay_in_their_ranges(seed):
    check_ranges(RandomSource(seed))


def test_a_seed_draws_the_same_and_another_one_other_things():
    one, again, other = (RandomSource(seed).rows(30, 6, 6) for seed in (1, 1, 2))
    assert one == again != other


def test_everything_that_may_come_up_comes_up():
    source = RandomSource(3)
    assert {source.integer(0, 2) for _ in range(99)} == {0, 1, 2}
    assert {source.one_of("abc") for _ in range(99)} == set("abc")
    batches = [source.rows(8, 0, 4) for _ in range(200)]
    assert {len(rows) for rows in batches} == {0, 1, 2, 3, 4}
    assert any(len(set(rows)) < len(rows) for rows in batches), "some trajectories come twice"
    assert any(max(map(max, rows)) < 4 for rows in batches if rows), "some are of small bytes"
    assert any(max(map(max, rows)) > 250 for rows in batches if rows)


def test_draws_are_counted_and_find_what_is_broken():
    law = LAWS["constant_groups_get_nothing"]
    kept = run_law(law, subject_of("rloo", {}), examples=5, random_examples=40)
    assert kept.state == "kept"
    assert 40 <= kept.examples <= 45
    raw = subject_of("rloo", {"lone": "raw"})
    assert (
        run_law(LAWS["lone_members_get_nothing"], raw, examples=1, random_examples=40).state
        == "broken"
    )


def test_a_law_that_speaks_of_nothing_is_not_random_for():
    verdict = run_law(LAWS["weights_keep_the_total"], subject_of("rloo", {}), random_examples=10)
    assert verdict.state == "not applicable"
