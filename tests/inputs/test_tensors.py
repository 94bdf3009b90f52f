"""Columns of any library as tensors of the vocabulary."""

import numpy as np
import pytest
import torch

import creditlib as cl

REWARDS = [1, 0, 1]


def pandas_column(values):
    return pytest.importorskip("pandas").Series(values)


def dataset_column(values):
    datasets = pytest.importorskip("datasets")
    return datasets.Dataset.from_dict({"x": values})["x"]


def arrow_column(values):
    return pytest.importorskip("pyarrow").array(values)


COLUMNS = {
    "a list": list,
    "a tuple": tuple,
    "numpy": np.array,
    "numpy objects": lambda values: np.array(values, dtype=object),
    "torch": torch.tensor,
    "pandas": pandas_column,
    "a dataset": dataset_column,
    "Arrow": arrow_column,
    "a generator": lambda values: (value for value in values),
}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("kind", [int, float, bool])
def test_rewards_of_every_kind_in_every_container(column, kind):
    """1, 0, 1: the mean is 2/3, so the credit is 1/3, −2/3, 1/3."""
    given = {"reward": COLUMNS[column]([kind(x) for x in REWARDS]), "group": [7, 7, 7]}
    batch = cl.tensors(given)
    assert batch["reward"].is_floating_point()
    credit = cl.apply("grpo", batch, scale=None)
    torch.testing.assert_close(credit.float(), torch.tensor([1 / 3, -2 / 3, 1 / 3]))


@pytest.mark.parametrize("column", COLUMNS)
def test_groups_are_integers_or_any_keys(column):
    if column != "torch":
        texts = cl.tensors({"group": COLUMNS[column](["a", "b", "a"])})["group"]
        assert texts.tolist() == cl.ids(["a", "b", "a"]).tolist()
    numbers = cl.tensors({"group": COLUMNS[column]([3, -4, 3])})["group"]
    assert numbers.tolist() == [3, -4, 3]


def test_rows_of_different_lengths_are_padded_and_counted():
    batch = cl.tensors({"turn_reward": [[0, 1], [0.5], []], "duration": [[1, 2], [3], []]})
    assert batch["turn_reward"].tolist() == [[0, 1], [0.5, 0], [0, 0]]
    assert batch["duration"].dtype == torch.float32
    assert batch["turn_count"].tolist() == [2, 1, 0]
    given = cl.tensors({"turn_reward": [[0, 1], [0.5]], "turn_count": [1, 1]})
    assert given["turn_count"].tolist() == [1, 1]


def test_anchors_are_ids_or_observations():
    numbers = cl.tensors({"anchor": [[5, None], [np.int64(6)]]})["anchor"]
    assert numbers.tolist() == [[5, -1], [6, -1]]
    texts = cl.tensors({"anchor": [["hall", "attic"], ["hall"]]})["anchor"]
    assert texts.tolist() == cl.anchor_ids([["hall", "attic"], ["hall"]]).tolist()


def test_maps_of_tokens_are_padded_with_minus_one_or_given_as_a_mask():
    turn = cl.tensors({"turn": [[0, 0, 1], [0]]})["turn"]
    assert turn.tolist() == [[0, 0, 1], [0, -1, -1]]
    mask = torch.tensor([[True, False]])
    assert cl.tensors({"turn": mask})["turn"] is mask


def test_what_fits_is_left_alone():
    reward = torch.tensor([1.0, 0.0], dtype=torch.float64)
    assert cl.tensors({"reward": reward})["reward"] is reward
    assert cl.tensors({"reward": np.array([1.0, 0.0])})["reward"].dtype == torch.float64
    assert cl.tensors({"reward": None, "group": [1, 2]}).keys() == {"group"}


def test_an_integer_that_float32_would_round_is_kept():
    batch = cl.tensors({"reward": [2**24 + 1, 2**24]})
    assert batch["reward"].tolist() == [2**24 + 1, 2**24]


def test_arrays_that_torch_cannot_share_are_copied():
    numbers = np.array([1.0, 0.0, 2.0])
    for array in (numbers[::-1], numbers.astype(">f8")[::-1], np.flip(numbers)):
        assert cl.tensors({"reward": array})["reward"].tolist() == [2, 0, 1]
    numbers.flags.writeable = False
    assert cl.tensors({"reward": numbers})["reward"].tolist() == [1, 0, 2]


def test_flags_and_the_device():
    batch = cl.tensors({"valid": [1, 0], "reward": [1.0, 0.0]}, device="meta")
    assert batch["valid"].dtype == torch.bool
    assert {x.device.type for x in batch.values()} == {"meta"}


REFUSED = {
    "a misspelt name": (
        {"rewrd": [1.0]},
        "`mapping` must be words of the vocabulary, got 'rewrd' (did you mean 'reward'?).",
    ),
    "a text": (
        {"reward": ["1"]},
        "`reward` must be numbers, got '1' in row 0; convert it to a number.",
    ),
    "None": (
        {"reward": [1.0, None]},
        "`reward` must be numbers, got None in row 1; leave the row out with `valid`.",
    ),
    "a fraction for a count": (
        {"turn_count": [1, 1.5]},
        "`turn_count` must be integers, got 1.5 in row 1.",
    ),
    "numbers for flags": (
        {"valid": [1, 2]},
        "`valid` must be 0 and 1, or flags, got 2 in row 1.",
    ),
    "a list of lists for one value a row": (
        {"reward": [[1.0], [0.0]]},
        "`reward` must be float[batch], got a list of lists.",
    ),
    "a number in place of a list": (
        {"turn_reward": [[1.0], 2.0]},
        "`turn_reward` must be a list in every row, got float in row 1.",
    ),
    "an integer that no tensor holds": (
        {"reward": [2**70, 1]},
        "`reward` must be numbers of at most 64 bits, got a larger integer.",
    ),
    "lists inside the lists of turns": (
        {"turn_reward": [[[1.0]]]},
        "`turn_reward` must be numbers, got list in row 0; convert it to a number.",
    ),
    "a dictionary for a column": (
        {"group": {"a": 1}},
        "`group` must be int[batch] or a column, got dict.",
    ),
    "one text": ({"group": "task"}, "`group` must be int[batch] or a column, got str."),
    "a row without a group": (
        {"group": ["a", None]},
        "`keys` must be texts, numbers, UUIDs, arrays, or tuples, lists, sets and dicts of them, "
        "got None at place 1; give each key an id, or leave it out.",
    ),
    "other numbers of rows": (
        {"reward": [1.0, 0.0], "group": [7]},
        "`group` must be int[batch], got torch.int64 (1,) where `reward` has batch 2.",
    ),
    "other numbers of turns": (
        {"turn_reward": [[0.0, 1.0]], "duration": [[1.0]]},
        "`duration` must be a list of 2 turns in row 0, like `turn_reward`, got 1; "
        "or give `turn_count`.",
    ),
    "observations without rows": (
        {"anchor": ["hall", "attic"]},
        "`anchor` must be one list of observations for each trajectory, got str.",
    ),
    "no mapping": ([1.0], "`mapping` must be columns by name, got list."),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_column_is_refused(case, refusal):
    mapping, sentence = REFUSED[case]
    function = "ids" if "`keys`" in sentence else "tensors"
    assert refusal(cl.tensors, mapping) == f"{function}: {sentence}"
