import numpy as np
import pytest
import torch

from creditlib.report.credit_columns import credit_columns
from creditlib.report.summary import opposite_share, rank_correlation, summarize
from creditlib.rollouts import from_trajectories


def first(*, process_reward):
    """Credit that a test names turn by turn."""
    return process_reward


def second(*, turn_reward):
    return turn_reward


def turn(one, two=0.0):
    return {"observation": "hall", "process_reward": one, "reward": two}


def batch():
    """Group a teaches, b is lone, c is constant, d has no outcome at all."""
    return from_trajectories(
        [
            {"group": "a", "outcome": 1.0, "turns": [turn(2.0, 1.0), turn(4.0, -1.0)]},
            {"group": "a", "outcome": 0.0, "turns": [turn(-6.0, -2.0)]},
            {"group": "b", "outcome": 1.0, "turns": [turn(0.0)]},
            {"group": "c", "outcome": 0.5, "turns": [turn(0.0)]},
            {"group": "c", "outcome": 0.5, "turns": []},
            {"group": "d", "outcome": None, "turns": [turn(9.0, 9.0)]},
        ]
    )


def summary_of(*estimators, rollouts=None):
    rollouts = batch() if rollouts is None else rollouts
    return summarize(rollouts, credit_columns(rollouts, estimators))


def test_groups_and_trajectories_are_counted():
    found = summary_of(first)
    assert (found.trajectories, found.turns, found.excluded) == (6, 6, 1)
    assert (found.groups, found.lone, found.constant, found.informative, found.empty) == (
        *(3, 1, 1, 1),
        1,
    )
    assert [group.name for group in found.by_group] == ["a", "b", "c", "d"]
    assert [group.members for group in found.by_group] == [2, 1, 2, 0]
    assert found.by_group[0].rows == (0, 1)
    assert found.largest == 2


def test_where_credit_goes_by_hand():
    """|credit| of turn 0: 2, 6, 0, 0, mean 2; of turn 1: 4. Outcome 1: (2 + 4 + 0) / 3 = 2."""
    (facts,) = summary_of(first).estimators
    assert facts.by_turn == (2.0, 4.0)
    assert facts.mean_abs == pytest.approx((2 + 4 + 6 + 0 + 0) / 5)
    told = {each.label: (each.trajectories, each.mean_abs) for each in facts.by_outcome}
    assert told == {"0": (1, 6.0), "0.5": (2, 0.0), "1": (2, 2.0)}


def test_many_outcomes_are_put_into_ranges_that_hold_each_trajectory_once():
    rows = [{"group": 0, "outcome": x / 10, "turns": [turn(1.0)]} for x in range(11)]
    (facts,) = summary_of(first, rollouts=from_trajectories(rows)).estimators
    assert [each.label for each in facts.by_outcome][:2] == ["0 to 0.2", "0.2 to 0.4"]
    assert [each.trajectories for each in facts.by_outcome] == [3, 2, 2, 2, 2]


def test_where_estimators_disagree_by_hand():
    """Pairs 2 and 1, 4 and −1, −6 and −2, twice 0 and 0: one of five has opposite signs.

    Ranks of the first: 3, 4, 0 and twice 1.5; of the second: 4, 1, 0 and twice 2.5. From their mean
    of 2 they are 1, 2, −2, −0.5, −0.5 and 2, −1, −2, 0.5, 0.5: products 2 − 2 + 4 − 0.25 − 0.25 =
    3.5, squares 1 + 4 + 4 + 0.25 + 0.25 = 9.5 and 4 + 1 + 4 + 0.25 + 0.25 = 9.5.
    """
    found = summary_of(first, second)
    (pair,) = found.pairs
    assert (pair.first, pair.second, pair.turns) == ("first", "second", 5)
    assert pair.opposite == pytest.approx(1 / 5)
    assert pair.rank_correlation == pytest.approx(3.5 / 9.5)
    assert [group.disagreement for group in found.by_group] == [pytest.approx(1 / 3), 0, 0, None]


def test_the_spread_of_a_group_is_that_of_its_turns():
    """2, 4 and −6 have mean 0 and squares 4 + 16 + 36 = 56."""
    spread = [group.spread for group in summary_of(first).by_group]
    assert spread == [(pytest.approx((56 / 3) ** 0.5),), (0.0,), (0.0,), (None,)]


def test_what_is_undefined_is_none():
    one = np.array([1.0])
    assert rank_correlation(one, one) is None
    assert rank_correlation(np.zeros(3), np.arange(3.0)) is None
    assert opposite_share(np.zeros(0), np.zeros(0)) is None
    assert opposite_share(np.array([np.nan]), one) is None


def test_ranks_follow_spearman_on_random_numbers():
    """Without ties: 1 − 6 · sum of squared rank distances / (n · (n² − 1))."""
    draw = np.random.default_rng(0)
    for size in (2, 5, 40):
        x, y = draw.permutation(size) * 1.0, draw.permutation(size) ** 3.0
        ranks = np.cbrt(y)
        expected = 1 - 6 * ((x - ranks) ** 2).sum() / (size * (size**2 - 1))
        assert rank_correlation(x, y) == pytest.approx(expected)


def test_credit_that_is_not_finite_is_counted_and_left_out():
    def broken(*, process_reward):
        return torch.where(process_reward > 3, torch.inf, process_reward)

    found = summary_of(broken, first)
    assert found.estimators[0].not_finite == 1
    assert found.estimators[0].by_turn == (2.0, None)
    assert found.pairs[0].opposite == 0.0
    assert any("not finite" in finding.sentence for finding in found.findings)


@pytest.mark.parametrize(
    "rows",
    [
        [{"group": 0, "outcome": None, "turns": []}],
        [{"group": 0, "outcome": 1.0, "turns": []}],
        [{"group": 0, "outcome": None, "turns": [{"text": "x"}]}],
    ],
)
def test_nothing_to_see_is_no_error(rows):
    found = summary_of("grpo", "rloo", rollouts=from_trajectories(rows))
    assert found.informative == 0
    assert found.estimators[0].mean_abs is None
    assert found.pairs[0].opposite is None
    assert found.findings
