"""Ids, step numbers and flags of rows: the container does not matter, a missing id is refused."""

import numpy as np
import pytest
import torch

from creditlib.rows import read_rows
from creditlib.rows.keys import flags_of_rows, group_numbers, step_numbers, trajectory_keys
from creditlib.rows.row_index import index_rows

NAN = float("nan")
TWO = {"mask": torch.ones(2, 1), "group": ["a", "a"], "reward": [1.0, 1.0]}


@pytest.mark.parametrize(
    "same",
    [
        ["x", "x", "y"],
        np.array(["x", "x", "y"]),
        np.array(["x", "x", "y"], dtype=object),
        [7, np.int64(7), 8],
        torch.tensor([7, 7, 8]),
        [torch.tensor(7), torch.tensor(7), torch.tensor(8)],
        [("a", 0), ("a", 0), ("a", 1)],
        [["a", 0], ["a", 0], ["a", 1]],
    ],
)
def test_one_trajectory_in_every_container(same):
    """Tensors are equal by identity in a dictionary: each would be a trajectory of its own."""
    first, second, third = trajectory_keys(same, 3)
    assert first == second != third
    assert hash(first) == hash(second)
    assert trajectory_keys(None, 3) is None


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"trajectory": ["x", None]},
            "`trajectory` must be an id, got None in row 1; give a row without one an id of its "
            "own.",
        ),
        (
            {"trajectory": [NAN, NAN]},
            "`trajectory` must be an id, got nan in row 0; give a row without one an id of its "
            "own.",
        ),
        (
            {"trajectory": [{}, {}]},
            "`trajectory` must be texts, numbers or tuples, got dict in row 0.",
        ),
        ({"trajectory": ["x"]}, "`trajectory` must be one for each of 2 rows, got 1."),
        (
            {"group": ["a", None]},
            "`group` must be one id for each of 2 rows, got None in row 1; leave the row out with "
            "`keep`.",
        ),
        (
            {"group": [NAN, "a"]},
            "`group` must be one id for each of 2 rows, got nan in row 0; leave the row out with "
            "`keep`.",
        ),
        (
            {"group": np.array([NAN, 1.0])},
            "`group` must be one id for each of 2 rows, got nan in row 0; leave the row out with "
            "`keep`.",
        ),
        ({"keep": ["True", "False"]}, "`keep` must be True or False, got 'True' in row 0."),
        ({"keep": [True, NAN]}, "`keep` must be True or False, got nan in row 1."),
        ({"keep": [2, 1]}, "`keep` must be True or False, got 2 in row 0."),
    ],
)
def test_what_is_no_id_and_no_flag_gets_one_sentence(refusal, given, sentence):
    assert refusal(read_rows, **{**TWO, **given}) == f"read_rows: {sentence}"


def test_rows_that_take_no_part_need_no_group():
    rows = read_rows(**{**TWO, "group": ["a", None]}, keep=[True, False])
    assert rows.batch["group"].shape == (1,)
    rows = read_rows(**{**TWO, "group": [None, "a"], "reward": [None, 1.0]})
    assert rows.batch["group"].shape == (1,)


def test_group_numbers_are_those_of_the_whole_list():
    flags = [True, True, True]
    whole = index_rows(runs=[1] * 3, written=flags, scored=flags, keep=flags)
    part = index_rows(runs=[1] * 3, written=flags, scored=flags, keep=[True, False, True])
    every = group_numbers(["a", "b", "a"], whole)
    assert every[0] == every[2] != every[1]
    assert group_numbers(["a", None, "a"], part).tolist() == every[[0, 2]].tolist()
    assert group_numbers(torch.tensor([3, 4, 3]), part).tolist() == [3, 3]


def test_numbers_and_flags_in_every_container():
    for given in (
        [1, 0],
        (1, 0),
        np.array([1, 0]),
        torch.tensor([1, 0]),
        [np.int32(1), True ^ True],
    ):
        assert step_numbers(given, 2) == [1, 0]
        assert flags_of_rows(given, 2) == [True, False]
    assert flags_of_rows(None, 2) is None
    assert step_numbers(None, 2) is None
