import pytest
import torch

from creditlib.report.credit_columns import Column, credit_columns
from creditlib.report.explain_choice import SORTS, choose_groups, largest_turns, mean_credit
from creditlib.report.summary import summarize
from creditlib.rollouts import from_trajectories
from creditlib.vocabulary.messages import ContractError


def summary(rows, estimators=("rloo", "grpo")):
    rollouts = from_trajectories(
        [{"group": group, "outcome": outcome, "turns": [{}]} for group, outcome in rows]
    )
    return summarize(rollouts, credit_columns(rollouts, estimators))


ROWS = [("b", 1.0), ("b", 0.0), ("lone", 1.0), (7, 9.0), (7, 0.0), ("a", 1.0), ("a", 1.0)]


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("spread", [7, "b", "lone", "a"]),  # 9, 1, 0, 0: equal ones stay in order
        ("name", [7, "a", "b", "lone"]),
        ("lone", ["lone", "b", 7, "a"]),
        ("disagreement", ["b", "lone", 7, "a"]),  # nowhere do the two disagree
    ],
)
def test_orders(sort, names):
    assert [group.name for group in choose_groups(summary(ROWS), sort=sort)] == names
    assert [g.name for g in choose_groups(summary(ROWS), sort=sort, limit=2)] == names[:2]


def test_every_order_is_tested():
    assert set(SORTS) == {"spread", "disagreement", "name", "lone"}


def test_the_group_whose_estimators_disagree_comes_first():
    def above_two(*, reward):
        return reward - 2

    rows = [("x", 3.0), ("x", 1.0), ("y", 1.0), ("y", 0.0)]
    found = summary(rows, ["rloo", above_two])
    # rloo gives 2, -2 and 1, -1; the other 1, -1 and -1, -2: half of y has opposite signs.
    assert [group.disagreement for group in found.by_group] == [0.0, 0.5]
    assert choose_groups(found, sort="disagreement")[0].name == "y"


def test_groups_are_found_by_value_then_by_text():
    found = summary([(7, 1.0), ("7", 1.0), (8, 1.0)])
    assert [group.rows for group in choose_groups(found, [7])] == [(0,)]
    assert [group.rows for group in choose_groups(found, ["7"])] == [(1,)]
    assert [group.rows for group in choose_groups(found, ["8", 8])] == [(2,)]
    with pytest.raises(ContractError) as caught:
        choose_groups(found, ["9"])
    assert str(caught.value) == (
        "explain: `group` must be one of the file's groups, 7, '7', 8, got '9'."
    )


def test_a_misspelt_group_or_order_is_refused():
    with pytest.raises(ContractError, match=r"got 'loen' \(did you mean 'lone'\?\)\."):
        choose_groups(summary(ROWS), ["loen"])
    with pytest.raises(ContractError) as caught:
        choose_groups(summary(ROWS), sort="sprad")
    assert str(caught.value) == (
        "explain: `sort` must be one of 'spread', 'disagreement', 'name', 'lone', got 'sprad' "
        "(did you mean 'spread'?)."
    )


def test_the_mean_is_taken_over_real_turns():
    credit = torch.tensor([[1.0, 0.0, 0.0], [2.0, 4.0, 0.0], [float("nan"), 0.0, 0.0], [0, 0, 0]])
    column = Column("mine", turn_credit=credit)
    assert mean_credit(column, [0, 1, 2, 3], torch.tensor([1, 2, 1, 0])) == {1: 3.0, 0: 1.0}


def test_the_largest_turns_count_in_units_of_their_estimator():
    # Shares of the largest: turn 0 has 0.5 and 0.1, turn 1 0.2 and 0.9, turn 2 0.5 and 0.
    assert largest_turns([[5.0, 2.0, 5.0], [0.1, 0.9, 0.0]], [10.0, 1.0], 2) == [0, 1]
    assert largest_turns([[5.0, float("nan")]], [10.0], 1) == [1]
    assert largest_turns([[1.0, 1.0]], [0.0], 1) == [0]
