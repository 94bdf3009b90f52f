"""Groups that finish at different times: worked cases, policies, one call on the whole batch."""

import doctest
import pickle

import numpy as np
import pytest
import torch
from helpers import F64
from hypothesis import given, settings
from hypothesis import strategies as st

import creditlib as cl
from creditlib import ContractError
from creditlib.registry import public_functions
from creditlib.rollouts.crediting.plan import make_plan
from creditlib.streaming import Groups, groups
from creditlib.testing import agree

SEED = 5


def asked_of(name):
    """Whether an estimator credits "by group" or a "whole" batch; "" if no file has its tensors."""
    try:
        return "whole" if make_plan(name).asked[0].whole else "by group"
    except ContractError:
        return ""


def filled(short, size=3, least=2):
    """Group a has two of three rows, b one, c all three; c is returned by `put`."""
    made = Groups(size, least, short)
    for key, row in zip("abaccc", range(6), strict=True):
        made.put(key, row)
    return made


def test_a_group_is_returned_when_its_last_row_comes():
    # a: rows 0 and 3; b: rows 1 and 4; c: row 2 alone.
    made = Groups(2)
    found = [made.put(key, row) for key, row in zip("abcab", range(5), strict=True)]
    assert found == [[], [], [], [0, 3], [1, 4]]
    assert (made.waiting, made.dropped) == (1, 0)


@pytest.mark.parametrize(
    ("short", "least", "returned", "dropped", "waiting"),
    [
        ("drop", 2, [], 3, 0),  # a and b go
        ("credit", 2, [[0, 2]], 1, 0),  # a's two rows are compared, b's one is not
        ("credit", 1, [[0, 2], [1]], 0, 0),
        ("credit", 3, [], 3, 0),
        ("wait", 2, [], 0, 3),
    ],
)
def test_a_short_group_goes_as_the_policy_says(short, least, returned, dropped, waiting):
    made = filled(short, least=least)
    assert made.waiting == 3
    assert made.flush() == returned
    assert (made.dropped, made.waiting) == (dropped, waiting)


def test_a_group_that_waits_is_returned_by_a_later_put():
    made = filled("wait")
    made.flush()
    assert made.put("a", 6) == [0, 2, 6]
    assert made.put("a", 7) == []  # the key opens a new group


def test_what_comes_after_a_flush_opens_a_new_group():
    made = filled("credit")
    made.flush()
    made.put("b", 6)
    made.put("b", 7)
    assert made.flush() == [[6, 7]]
    assert made.dropped == 1


def test_a_flush_twice_counts_once():
    made = filled("drop")
    assert [made.flush(), made.flush(), made.dropped] == [[], [], 3]


def test_a_group_of_one_is_returned_at_once():
    assert Groups(1).put(("step", 4), "row") == ["row"]
    assert Groups(1).least == 1


def test_short_groups_are_credited_like_the_rows_that_finished():
    """grpo of the survivors: what one call on those rows gives."""
    reward = torch.tensor([1.0, 0.0, 0.0, 1.0, 0.5], dtype=F64)
    made = Groups(4, short="credit")
    for row, key in enumerate("aabab"):
        made.put(key, row)
    first, second = made.flush()
    assert (first, second) == ([0, 1, 3], [2, 4])
    # (1, 0, 1): mean 2/3, deviation √(1/3); (0, 1/2): mean 1/4, deviation √(1/8).
    credit = cl.grpo(reward=reward[first], group=torch.zeros(3, dtype=torch.int64), eps=0.0)
    wanted = torch.tensor([1 / 3, -2 / 3, 1 / 3], dtype=F64) * 3**0.5
    assert agree(credit, wanted)
    credit = cl.grpo(reward=reward[second], group=torch.zeros(2, dtype=torch.int64), eps=0.0)
    assert agree(credit, torch.tensor([-0.25, 0.25], dtype=F64) * 8**0.5)


def test_it_goes_through_a_checkpoint():
    made = filled("credit")
    kept = pickle.loads(pickle.dumps(made))
    assert repr(kept) == repr(made)
    assert [kept.put("b", 6), kept.put("b", 7)] == [[], [1, 6, 7]]
    assert made.waiting == 3
    assert kept.flush() == [[0, 2]]
    assert (kept.waiting, kept.dropped) == (0, 0)


# --- equal to one call on the whole batch -----------------------------------------------------

# Every estimator of creditlib that credits a group by itself, and what it must be told besides.
LIMITS = {"overlong_penalty": {"limit": 8, "buffer": 4}}
ALONE = [name for name in public_functions() if asked_of(name) == "by group"]


def batch_of(random, rows, turns=4):
    """Every tensor that an estimator of trajectories or turns reads, float64."""
    count = torch.from_numpy(random.integers(0, turns + 1, rows))
    real = torch.arange(turns) < count[:, None]

    def of_turns():
        return torch.from_numpy(random.normal(size=(rows, turns))) * real

    def ids(most):
        found = torch.from_numpy(random.integers(0, most, (rows, turns)))
        return torch.where(real, found, torch.full_like(found, -1))

    length = torch.from_numpy(random.integers(1, 9, (rows, turns))) * real
    return {
        "reward": torch.from_numpy(random.integers(0, 3, rows) / 2.0),
        "rewards": torch.from_numpy(random.random((rows, 2))),
        "valid": torch.from_numpy(random.random(rows) < 0.8),
        "answer": torch.from_numpy(random.integers(0, 2, rows)),
        "turn_reward": of_turns(),
        "information_gain": of_turns(),
        "process_reward": of_turns(),
        "gold_log_prob": -of_turns().abs(),
        "anchor": ids(3),
        "action": ids(2),
        "turn_length": length,
        "length": length.sum(dim=1),
        "turn_count": count,
    }


@pytest.mark.parametrize("name", ALONE)
@settings(max_examples=6, deadline=None, derandomize=True)
@given(data=st.data())
def test_complete_groups_are_the_batch_call(name, data):
    """Whatever the order of arrival, and however many finished groups share a call."""
    size = data.draw(st.integers(1, 4), "size")
    number = data.draw(st.integers(1, 5), "groups")
    together = data.draw(st.integers(1, 3), "groups of a call")
    order = data.draw(st.permutations(range(size * number)), "order")
    group = torch.arange(size * number) // size
    batch = {**batch_of(np.random.default_rng(SEED), size * number), "group": group}

    def credit(rows):
        part = {key: value[rows] for key, value in batch.items()}
        return cl.apply(name, part, **LIMITS.get(name, {}))

    whole = credit(list(range(size * number)))
    made, ready, found = Groups(size), [], torch.full_like(whole, torch.nan)
    for row in order:
        ready += made.put(int(group[row]), row)
        if len(ready) >= size * together:
            found[ready] = credit(ready)
            ready = []
    if ready:
        found[ready] = credit(ready)
    assert made.flush() == []
    assert made.dropped == 0
    assert agree(found, whole)


def test_every_kind_of_estimator_is_tried():
    assert len(ALONE) >= 27
    assert {"rloo", "gigpo", "igpo", "pure", "matchtir", "agreement", "gtalign"} <= set(ALONE)


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((0,), "Groups: `size` must be an integer of at least 1, got 0."),
        ((2.0,), "Groups: `size` must be an integer of at least 1, got 2.0."),
        ((True,), "Groups: `size` must be an integer of at least 1, got True."),
        ((4, 5), "Groups: `least` must be an integer of 1 to size 4, got 5."),
        ((4, 0), "Groups: `least` must be an integer of 1 to size 4, got 0."),
        (
            (4, 2, "keep"),
            "Groups: `short` must be one of 'drop', 'credit', 'wait', got 'keep'.",
        ),
    ],
)
def test_an_option_out_of_range_is_refused(arguments, sentence):
    with pytest.raises(ContractError) as error:
        Groups(*arguments)
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("key", "fact"),
    [
        (torch.tensor(3), "torch.int64 (); call `.item()`."),
        ((0, torch.tensor(3)), "torch.int64 () inside a tuple; call `.item()`."),
        ([1], "list."),
        (np.zeros(2), "numpy.ndarray."),
        (object(), "object."),
        (float("nan"), "NaN."),
    ],
)
def test_a_key_without_a_value_of_its_own_is_refused(key, fact):
    made = Groups(2)
    with pytest.raises(ContractError) as error:
        made.put(key, 1)
    wanted = "Groups.put: `key` must be a hashable value that is compared by value, got "
    assert str(error.value) == wanted + fact
    assert made.waiting == 0


def test_numbers_of_numpy_are_the_numbers():
    made = Groups(np.int64(2))
    assert made.put(7, 0) == []
    assert made.put(np.int64(7), 1) == [0, 1]


def test_examples_run():
    assert doctest.testmod(groups).failed == 0
