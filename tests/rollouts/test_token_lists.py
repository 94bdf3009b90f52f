import numpy as np
import pytest
import torch
from rollout_cases import equal, message, one

from creditlib.rollouts import from_trajectories
from creditlib.rollouts.token_lists import are_all_token_ids, are_token_ids

TOKENS = [
    [],
    [0, 1],
    [5],
    (5, 6, 7),
    [2**40, 3],
    [np.int32(4), 5],
    np.array([1, 2, 3], dtype=np.int32),
    np.array([], dtype=np.float64),
    torch.tensor([7, 8]),
]
NO_TOKENS = [
    [[0, 1, 2], [3, 4, 5, 6]],
    [[5]],
    [[]],
    ["a", "b"],
    "abc",
    {"ids": [1, 2]},
    [4.0, 5.0],
    [4, 5.5],
    [True, False],
    [5, True],
    [0, False],
    [3, None],
    [-100, -100, 7],
    [7, -1],
    7,
    np.zeros((2, 3), dtype=np.int64),
    np.array(3),
    np.ones(2),
    np.array([True]),
    np.array([5, -1]),
    np.array(["a"]),
    np.array([[1], [2, 3]], dtype=object),
    torch.zeros(2, 3, dtype=torch.int64),
    torch.ones(2),
    torch.tensor([True]),
]


def shown(values):
    return [repr(value)[:30] for value in values]


@pytest.mark.parametrize("tokens", TOKENS, ids=shown(TOKENS))
def test_the_length_of_a_flat_list_counts_tokens(tokens):
    assert are_token_ids(tokens)
    found = from_trajectories([one(turns=[{"tokens": tokens}, {"tokens": [9, 9]}])])
    equal(found.tensors["turn_length"], [[len(tokens), 2]])
    equal(found.tensors["length"], [len(tokens) + 2])


@pytest.mark.parametrize("tokens", NO_TOKENS, ids=shown(NO_TOKENS))
@pytest.mark.parametrize("others", [[], [[9, 0]], [np.array([9])]], ids=["alone", "list", "array"])
def test_a_list_that_holds_no_tokens_is_refused_with_its_place(tokens, others):
    """A length that counts containers, texts or flags would be a number of tokens in no sense."""
    assert not are_token_ids(tokens)
    assert not are_all_token_ids([*others, tokens])
    turns = [{"tokens": each} for each in (*others, tokens)]
    text = message([one(turns=turns)])
    assert text.startswith(
        "rollouts: `tokens` must be a flat list of token ids, which are integers of at least 0, got"
    )
    assert text.endswith(
        f" in trajectory 1 turn {len(others)}; flatten the list, or give the number of tokens as "
        "`token_count`."
    )


def test_lists_are_settled_together():
    assert are_all_token_ids([[4, 5], [], [0, 1]])
    assert are_all_token_ids([np.arange(3), np.arange(0), np.arange(2)])
    assert not are_all_token_ids([np.arange(3), np.arange(-1, 2)])
    assert not are_all_token_ids([np.arange(3), np.zeros((1, 1), dtype=int)])
    assert not are_all_token_ids([[4], (5,)])  # left open: each is then looked at
    assert not are_all_token_ids([[0, 1], [7], [7, True]])
    assert not are_all_token_ids([[False], [7]])


@pytest.mark.parametrize("value", [True, 1.5, -1, "3", [1, 2], 2**70])
def test_a_number_of_tokens_is_a_whole_number(value):
    for rows in ([one(turns=[{"token_count": value}])], [one(length=value)]):
        assert "must be a whole number, at least 0, got" in message(rows)
