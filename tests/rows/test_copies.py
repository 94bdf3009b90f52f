"""Two rows of one trajectory and step are copies, or the call is refused."""

import numpy as np
import pytest
import torch

from creditlib.rows import credit_rows, credit_settings, read_rows
from creditlib.rows.copies import check_copies, check_rewards_of_copies, same_value
from creditlib.rows.row_index import trajectories_of_rows

NAN = float("nan")
REMEDY = "give them different steps, or different trajectories"


def given(**more):
    """Rows 0 and 2 are step 0 of x; row 1 is y."""
    return {
        "mask": torch.tensor([[1, 1, 0], [1, 0, 0], [1, 1, 0]]),
        "group": ["a"] * 3,
        "reward": [1.0, 0.0, 1.0],
        "trajectory": ["x", "y", "x"],
        "step": [0, 0, 0],
        **more,
    }


EQUAL = {
    "token_reward": torch.tensor([[0.0, 1.0, NAN], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
    "value": torch.tensor([[0.5, 0.5, 7.0], [0.0, 0.0, 0.0], [0.5, 0.5, 9.0]]),
    "columns": {"anchor": [["h"], ["h"], ["h"]], "duration": [[1.0], [2.0], np.array([1.0])]},
}


def test_a_copy_counts_once():
    """Values and NaN on tokens that are not trained are no difference."""
    rows = read_rows(**given(**EQUAL))
    assert rows.batch["reward"].tolist() == [1.0, 0.0]
    settings = credit_settings({"scale": None}, estimator="grpo")
    found = credit_rows(rows, settings).advantage
    assert found[0].equal(found[2])
    assert found[0].tolist() == [0.5, 0.5, 0.0]


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"reward": [1.0, 0.0, 0.5]}, "`reward`: 1 and 0.5"),
        ({"reward": [None, 0.0, 0.5]}, "`reward`: nan and 0.5"),
        (
            {"mask": torch.tensor([[1, 1, 0], [1, 0, 0], [1, 0, 0]])},
            "`mask`: another value at token 1",
        ),
        (
            {"turn_mask": torch.tensor([[1, 1, 1], [1, 1, 1], [1, 1, 0]])},
            "`turn_mask`: another value at token 2",
        ),
        (
            {"token_reward": torch.tensor([[0.0, 1.0, 0.0], [0.0] * 3, [1.0, 0.0, 0.0]])},
            "`token_reward`: another value at token 0",
        ),
        (
            {"value": torch.tensor([[0.0, 1.0, 0.0], [0.0] * 3, [0.0, 2.0, 0.0]])},
            "`value`: another value at token 1",
        ),
        ({"columns": {"anchor": [["h"], ["h"], ["k"]]}}, "`anchor`: other values"),
        ({"columns": {"turn_reward": [[0.5], [0.0], [None]]}}, "`turn_reward`: other values"),
        ({"columns": {"baseline": [0.5, 0.0, 0.25]}}, "`baseline`: other values"),
    ],
)
def test_rows_that_differ_are_no_copies(refusal, more, what):
    assert refusal(read_rows, **given(**more)) == (
        "read_rows: `step` must be a copy in row 2, equal to row 0 of its trajectory and step, "
        f"got {what}; {REMEDY}."
    )


def test_what_nobody_reads_may_still_tell_rows_apart(refusal):
    """grpo reads no anchor, but two anchors at one step are two agents and not a copy."""
    more = {"columns": {"anchor": [["h"], ["h"], ["k"]]}}
    settings = credit_settings(estimator="grpo")
    assert "`anchor`" in refusal(read_rows, **given(**more, settings=settings))
    values = {"value": torch.tensor([[0.0, 1.0, 0.0], [0.0] * 3, [0.0, 2.0, 0.0]])}
    read_rows(**given(**values, settings=settings))  # no critic, so its rounding is no difference


def test_a_row_left_out_may_differ_from_the_row_of_its_step(refusal):
    """Padding that repeats a row with an empty mask and without a reward loses nothing."""
    more = {"keep": [True, True, False], "mask": torch.tensor([[1, 1], [1, 0], [0, 0]])}
    for reward in (None, 0.0, 1.0):
        rows = read_rows(**given(**more, reward=[1.0, 0.0, reward]))
        assert rows.batch["reward"].tolist() == [1.0, 0.0]
    assert "`reward`: 1 and 5" in refusal(read_rows, **given(**more, reward=[1.0, 0.0, 5.0]))


def test_without_steps_no_row_is_a_copy():
    rows = read_rows(**given(step=None))
    assert rows.batch["turn_count"].tolist() == [2, 1]
    check_copies(trajectories_of_rows("xyx", None, [True] * 3), {}, {"baseline": [1, 2, 3]})
    check_rewards_of_copies(trajectories_of_rows("xyx", None, [True] * 3), [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (NAN, NAN, True),
        (None, None, True),
        (None, 0.0, False),
        ([1, [NAN, "x"]], (1, [NAN, "x"]), True),
        ([1, 2], [1], False),
        (np.array([1.0, NAN]), torch.tensor([1.0, NAN]), True),
        (np.zeros((2, 2)), np.zeros(4), False),
        ({"map": np.zeros(2)}, {"map": np.zeros(2)}, True),
        ({"map": np.zeros(2)}, {"map": np.ones(2)}, False),
        ("hall", "hall", True),
        ("hall", ["hall"], False),
    ],
)
def test_equal_values(a, b, same):
    assert same_value(a, b) is same
    assert same_value(b, a) is same
