"""How several rewards of a trajectory become one outcome."""

import numpy as np
import pytest
import torch

from creditlib.rows import read_rows
from creditlib.rows.outcomes import OUTCOMES, check_rule, row_rewards, trajectory_outcomes
from creditlib.rows.row_index import trajectories_of_rows
from creditlib.rows.settings import credit_settings
from creditlib.vocabulary.messages import ContractError

NAN = float("nan")
REFUSED = "refused"
CPU = torch.device("cpu")
CHOICES = 'say `outcome`: "last", "sum", "mean" or "same"'


def outcome(reward, keep, rule):
    """The outcome of one trajectory whose rows are all there is."""
    numbers = [NAN if each is None else each for each in reward]
    found = trajectories_of_rows(["x"] * len(reward), None, [bool(each) for each in keep])
    try:
        return trajectory_outcomes(found, numbers, rule)[0]
    except ContractError:
        return REFUSED


# Rewards by row, which rows are kept, then the outcome under None, last, sum, mean, same.
TABLE = [
    ([1.0], [1], [1, 1, 1, 1, 1]),
    ([0.5, 0.5], [1, 1], [0.5, 0.5, 1, 0.5, 0.5]),
    ([0.0, 1.0], [1, 1], [1, 1, 1, 0.5, REFUSED]),
    ([None, 1.0], [1, 1], [1, 1, 1, 1, 1]),
    ([1.0, 0.0], [1, 1], [REFUSED, 0, 1, 0.5, REFUSED]),
    ([0.5, 1.0], [1, 1], [REFUSED, 1, 1.5, 0.75, REFUSED]),
    ([0.0, 0.5, 1.0], [1, 1, 1], [REFUSED, 1, 1.5, 0.5, REFUSED]),
    ([0.0, 0.0], [1, 1], [0, 0, 0, 0, 0]),
    ([None, None], [1, 1], [NAN, NAN, NAN, NAN, NAN]),
    ([1.0, None], [1, 1], [NAN, NAN, 1, 1, 1]),
    # A row that is left out: what it earned counts, nothing else of it does.
    ([0.0, 1.0], [1, 0], [1, 1, 1, 0.5, REFUSED]),
    ([1.0, 0.0], [0, 1], [1, 0, 1, 0.5, REFUSED]),
    ([1.0, 1.0], [1, 0], [1, 1, 2, 1, 1]),
    ([1.0, 0.0], [1, 0], [1, 1, 1, 1, 1]),
    ([1.0, None], [1, 0], [1, 1, 1, 1, 1]),
    ([0.5, 1.0], [1, 0], [REFUSED, 1, 1.5, 0.75, REFUSED]),
    ([0.0, 0.5, 1.0], [1, 0, 0], [REFUSED, 1, 1.5, 0.5, REFUSED]),
    # Only rows that are left out are scored: they decide, a failure as well as a success.
    ([None, 1.0], [1, 0], [1, 1, 1, 1, 1]),
    ([None, 0.0], [1, 0], [0, 0, 0, 0, 0]),
]


@pytest.mark.parametrize(("reward", "keep", "wanted"), TABLE)
def test_every_rule_by_hand(reward, keep, wanted):
    for rule, one in zip((None, *OUTCOMES), wanted, strict=True):
        found = outcome(reward, keep, rule)
        assert found == one or (found != found and one != one), (rule, found, one)


def test_a_refusal_names_both_rows_and_the_choices(refusal):
    given = {"mask": torch.ones(4, 1), "group": ["a"] * 4, "trajectory": list("yxyx")}
    assert refusal(read_rows, **given, reward=[0.0, 1.0, 0.0, 0.25]) == (
        "read_rows: `reward` must be the same in all scored rows of a trajectory, or 0 before the "
        f"last, got 1 in row 1 and 0.25 in row 3; {CHOICES}; rewards of turns are the column "
        "`turn_reward`."
    )
    said = refusal(read_rows, **given, reward=[0.0, 1.0, 0.0, 0.25], keep=[1, 1, 1, 0])
    assert "got 1 in row 1 and 0.25 in row 3 (`keep` leaves out row 3); say" in said
    same = refusal(read_rows, **given, reward=[0.0, 0.0, 0.0, 0.25], outcome="same")
    assert same == (
        "read_rows: `reward` must be the same in all scored rows of a trajectory, got 0 in row 1 "
        'and 0.25 in row 3; say `outcome`: "last", "sum" or "mean"; rewards of turns are the '
        "column `turn_reward`."
    )


def test_steps_say_which_row_is_the_last():
    given = {"mask": torch.ones(2, 1), "group": ["a"] * 2, "trajectory": ["x"] * 2}
    rows = read_rows(**given, reward=[1.0, 0.0], step=[1, 0])
    assert rows.batch["reward"].tolist() == [1.0]
    rows = read_rows(**given, reward=[1.0, 0.0], step=[1, 0], keep=[False, True])
    assert rows.batch["reward"].tolist() == [1.0]
    assert rows.turn.tolist() == [[-1], [0]]


def test_the_argument_wins_over_the_settings():
    given = {"mask": torch.ones(2, 1), "group": ["a"] * 2, "trajectory": ["x"] * 2}
    given |= {
        "reward": [1.0, 0.5],
        "settings": credit_settings({"outcome": "sum"}, estimator="gpg"),
    }
    assert read_rows(**given).batch["reward"].tolist() == [1.5]
    assert read_rows(**given, outcome="mean").batch["reward"].tolist() == [0.75]


def test_a_rule_that_is_none_is_refused(refusal):
    assert refusal(check_rule, "read_rows", "lsat") == (
        "read_rows: `outcome` must be None, 'last', 'sum', 'mean' or 'same', got 'lsat' "
        "(did you mean 'last'?)."
    )
    assert refusal(credit_settings, {"outcome": "max"}, estimator="grpo") == (
        "credit_settings: `outcome` must be None, 'last', 'sum', 'mean' or 'same', got 'max'."
    )


@pytest.mark.parametrize(
    "reward",
    [
        [1, None, False],
        [1.0, NAN, 0.0],
        np.array([1.0, NAN, 0.0]),
        np.array([1, None, False], dtype=object),
        [np.float32(1), None, np.bool_(False)],
        [torch.tensor(1.0), torch.tensor(NAN), torch.tensor(False)],
        torch.tensor([1.0, NAN, 0.0], dtype=torch.bfloat16),
    ],
)
def test_rewards_of_rows_come_in_many_forms(reward):
    found = row_rewards(reward, 3, CPU)
    assert found.dtype == torch.float64
    assert found.nan_to_num(9.0).tolist() == [1.0, 9.0, 0.0]


@pytest.mark.parametrize(
    ("reward", "sentence"),
    [
        (["1", 0.0], "a number or None, got '1' in row 0"),
        ([0.0, [1.0]], "a number or None, got list in row 1"),
        ([1.0], "float[row] of 2 rows, got torch.float64 (1,)"),
        ([1.0, float("inf")], "finite, or None or NaN, got inf in row 1"),
    ],
)
def test_what_is_no_reward_is_refused(refusal, reward, sentence):
    assert refusal(row_rewards, reward, 2, CPU) == f"read_rows: `reward` must be {sentence}."
