"""Credit of trees by hand: shared turns, rows that end early, uneven children, and constants."""

import math

import pytest
import torch
from helpers import F64, assert_same
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments

pytestmark = pytest.mark.usefixtures("quick_backend")

T = torch.tensor


def batch(**more):
    """A root with the children a and b; a has the leaves a1 (two rows) and a2, b the leaf b1.

    Rewards: a1 has 1 and 0, a2 has 1, b1 has 0.
    """
    return {
        "reward": T([1.0, 0.0, 1.0, 0.0], dtype=F64),
        "group": T([7, 7, 7, 7]),
        "node": T([[10, 1], [10, 1], [10, 2], [20, 1]]),
        "turn_count": T([2, 2, 2, 2]),
        **more,
    }


def test_means_over_rows_by_hand():
    # V(a1) = 1/2, V(a2) = 1, V(a) = (1 + 0 + 1)/3 = 2/3, V(b) = V(b1) = 0, V(root) = 2/4.
    found = cl.tree_credit(**batch(), against=None)
    wanted = T([[2 / 3, 1 / 2], [2 / 3, 1 / 2], [2 / 3, 1], [0, 0]], dtype=F64)
    assert_close(found, wanted)
    parent = T([[1 / 6, -1 / 6], [1 / 6, -1 / 6], [1 / 6, 1 / 3], [-1 / 2, 0]], dtype=F64)
    assert_close(cl.tree_credit(**batch()), parent)
    root = wanted - 1 / 2
    assert_close(cl.tree_credit(**batch(), against="root"), root)
    assert_close(cl.tree_credit(**batch(), against="both"), parent + root)


def test_each_child_counts_once_by_hand():
    # V(a) = (V(a1) + V(a2))/2 = (1/2 + 1)/2 = 3/4, whoever holds a1 twice. V(root) = (3/4 + 0)/2.
    found = cl.tree_credit(**batch(), value="child_mean")
    wanted = T([[3 / 8, -1 / 4], [3 / 8, -1 / 4], [3 / 8, 1 / 4], [-3 / 8, 0]], dtype=F64)
    assert_close(found, wanted)


def test_uncertain_children_count_more_by_hand():
    # Entropies: a 0, b 0; a1 log 3 (rows say log 3 ± 1/2, their mean counts), a2 0.
    # V(a) = (3 · 1/2 + 1 · 1)/4 = 5/8. V(root) = (5/8 + 0)/2 = 5/16.
    entropy = T([[0, math.log(3) + 0.5], [0, math.log(3) - 0.5], [0, 0], [0, 9]], dtype=F64)
    given_ = batch(turn_entropy=entropy, value="child_softmax")
    found = cl.tree_credit(**given_, against=None)
    assert_close(found[:, 0], T([5 / 8, 5 / 8, 5 / 8, 0], dtype=F64))
    assert_close(cl.tree_credit(**given_, against="root")[:, 0], found[:, 0] - 5 / 16)


def test_entropies_that_overflow_alone_do_not():
    entropy = T([[800.0, 900], [800, 900], [800, 900], [800, 1]], dtype=F64)
    found = cl.tree_credit(**batch(turn_entropy=entropy), value="child_softmax")
    assert_close(found, cl.tree_credit(**batch(), value="child_mean"))


def test_a_row_that_ends_where_another_goes_on():
    # Row 1 ends at a. leaf_mean: V(a) = (1 + 0 + 1)/3. child_mean: V(a) = (1 + 1)/2, without it.
    early = batch(turn_count=T([2, 1, 2, 2]))
    found = cl.tree_credit(**early, against=None)
    assert_close(found[:, 0], T([2 / 3, 2 / 3, 2 / 3, 0], dtype=F64))
    found = cl.tree_credit(**early, value="child_mean", against=None)
    assert found.tolist() == [[1, 1], [1, 0], [1, 1], [0, 0]]


def test_a_row_without_turns_counts_at_the_root_of_means_over_rows():
    # leaf_mean: V(root) = (1 + 0 + 1)/3, V(a) = 1/2, V(b) = 1. child_mean: V(root) = (1/2 + 1)/2.
    given_ = {
        "reward": T([1.0, 0.0, 1.0, 1.0], dtype=F64)[:3],
        "group": T([0, 0, 0]),
        "node": T([[1], [1], [2]]),
        "turn_count": T([1, 1, 1]),
    }
    four = {key: torch.cat([x, x[:1]]) for key, x in given_.items()}
    four |= {"turn_count": T([1, 1, 1, 0]), "reward": T([1.0, 0.0, 1.0, 10.0], dtype=F64)}
    # V(root) = (1 + 0 + 1 + 10)/4 = 3 with it.
    assert cl.tree_credit(**four)[:, 0].tolist() == [-2.5, -2.5, -2, 0]
    found = cl.tree_credit(**four, value="child_mean")
    assert found[:, 0].tolist() == [-0.25, -0.25, 0.25, 0]


def test_a_lone_row():
    lone = {key: x[:1] for key, x in batch().items()} | {"reward": T([0.7])}
    for value in ("leaf_mean", "child_mean"):
        for against in ("parent", "root", "both", None):
            options = {"value": value, "against": against}
            assert cl.tree_credit(**lone, **options).tolist() == [[0, 0]]
            raw = cl.tree_credit(**lone, **options, lone="raw")
            assert_close(raw, T([[0.7, 0.7]]))


def test_small_differences_of_large_rewards_by_hand():
    # 2^52 + 0, 1, 1: a row and a pair of siblings. V(root) is 2^52 + 2/3, V(pair) 2^52 + 1.
    reward = 2.0**52 + T([0.0, 1.0, 1.0], dtype=F64)
    node = T([[1, 1], [2, 1], [2, 2]])
    found = cl.tree_credit(reward=reward, group=T([0, 0, 0]), node=node, turn_count=T([2, 2, 2]))
    assert_close(found, T([[-2 / 3, 0], [1 / 3, 0], [1 / 3, 0]], dtype=F64))


@pytest.mark.parametrize("number", [0.1, 1 / 3, 1e30, -7.7])
@pytest.mark.parametrize("value", ["leaf_mean", "child_mean", "child_softmax"])
@pytest.mark.parametrize("against", ["parent", "root", "both"])
def test_a_constant_tree_is_exactly_zero(number, value, against):
    x = random_arguments(cl.tree_credit, seed=3, optional=True, batch=40)
    x["reward"] = torch.full_like(x["reward"], number)
    found = cl.tree_credit(**x, value=value, against=against)
    assert_same(found, torch.zeros_like(found))


@pytest.mark.parametrize("value", ["leaf_mean", "child_mean", "child_softmax"])
def test_a_turn_that_all_share_is_exactly_zero(value):
    x = random_arguments(cl.tree_credit, seed=4, optional=True, dtype=F64, batch=40)
    x["reward"] = torch.arange(40.0, dtype=F64) / 10
    x["node"][:, 0] = 5
    x["turn_entropy"] = x["turn_entropy"].nan_to_num(0.25)
    x["turn_count"] = x["turn_count"].clamp(min=1)
    found = cl.tree_credit(**x, value=value)[:, 0]
    assert_same(found, torch.zeros_like(found))


@given(seed=st.integers(0, 10**6), against=st.sampled_from(["parent", "root"]))
def test_rows_that_part_at_the_first_turn_are_grpo_without_a_deviation(seed, against):
    x = random_arguments(cl.tree_credit, seed=seed, dtype=F64)
    x["node"] = torch.arange(x["node"].numel()).view_as(x["node"])
    x["turn_count"] = torch.ones_like(x["turn_count"])
    grpo = cl.grpo(reward=x["reward"], group=x["group"], scale=None)
    for value in ("leaf_mean", "child_mean"):
        found = cl.tree_credit(**x, value=value, against=against)
        assert_close(found[:, 0], grpo)


def test_nodes_of_other_groups_and_excluded_rows_are_apart():
    x = batch()
    twice = {key: torch.cat([v, v]) for key, v in x.items()}
    twice["group"] = T([7] * 4 + [8] * 4)
    twice["reward"][4:] = 5.0
    assert_close(cl.tree_credit(**twice)[:4], cl.tree_credit(**x))
    valid = T([True] * 4 + [False] * 4)
    nan = {**twice, "group": T([7] * 8), "valid": valid}
    nan["reward"][4:] = torch.nan
    found = cl.tree_credit(**nan)
    assert_close(found[:4], cl.tree_credit(**x))
    assert not found[4:].any()


def test_entropies_are_needed_for_their_weights(refusal):
    assert refusal(cl.tree_credit, **batch(), value="child_softmax") == (
        "tree_credit: `turn_entropy` must be given with 'child_softmax', got None."
    )
