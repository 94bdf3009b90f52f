"""Weights by entropy, by hand and against a loop."""

import math

import pytest
import torch
from helpers import F64, assert_same, mean, members, ragged, table
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments


def test_by_hand():
    # Entropies 1, 2, 3 lie at 0, 1/2, 1; the NaN does not exist. exp(−log 4 · n) is 1, 1/2, 1/4
    # with the mean 7/12.
    entropy = torch.tensor([[1.0, 2.0], [3.0, torch.nan]], dtype=F64)
    tensors = {"turn_entropy": entropy, "turn_count": torch.tensor([2, 1])}
    strength = math.log(4)
    found = cl.entropy_weight(**tensors, strength=strength)
    assert_close(found, torch.tensor([[12.0, 6.0], [3.0, 0.0]], dtype=F64) / 7)
    # Each group on its own: 1 and 2 lie at 0 and 1, x = 1 and 1/4 over 5/8; 3 is alone.
    own = {**tensors, "group": torch.tensor([7, 3])}
    found = cl.entropy_weight(**own, strength=strength)
    assert_close(found, torch.tensor([[1.6, 0.4], [1.0, 0.0]], dtype=F64))
    batch = cl.entropy_weight(**own, strength=strength, conserve="batch")
    assert_same(batch, cl.entropy_weight(**tensors, strength=strength))


@pytest.mark.parametrize("entropy", [0.0, 0.1, 7.3, 1e-30, 1e30])
def test_equal_entropies_weigh_exactly_one(entropy):
    same, count = torch.full((4, 3), entropy), torch.tensor([3, 2, 0, 3])
    expected = (torch.arange(3) < count[:, None]).float()
    found = cl.entropy_weight(turn_entropy=same, turn_count=count, strength=5.0)
    assert_same(found, expected)


def test_excluded_rows_get_nothing_and_change_nothing():
    entropy = torch.tensor([[1.0, 2.0], [torch.nan, 9.0]])
    tensors = {"turn_entropy": entropy, "turn_count": torch.tensor([2, 2])}
    found = cl.entropy_weight(**tensors, valid=torch.tensor([True, False]))
    alone = cl.entropy_weight(turn_entropy=entropy[:1], turn_count=torch.tensor([2]))
    assert_same(found, torch.cat([alone, torch.zeros(1, 2)]))


@pytest.mark.parametrize("conserve", ["group", "batch"])
@given(seed=st.integers(0, 10**6))
def test_against_a_loop(conserve, seed):
    x = random_arguments(cl.entropy_weight, seed=seed, dtype=F64, optional=True)
    entropy = ragged(x["turn_entropy"], x["turn_count"])
    keys = x["group"].tolist() if conserve == "group" else [0] * len(entropy)
    rows = [[] for _ in entropy]
    for own in members(keys, x["valid"].tolist()).values():
        pool = [h for i in own for h in entropy[i]]
        low, high = min(pool, default=0.0), max(pool, default=0.0)
        size = lambda h, low=low, high=high: (  # noqa: E731
            math.exp(-2 * (h - low) / (high - low)) if high > low else 1.0
        )
        average = mean([size(h) for h in pool]) if pool else 1.0
        for i in own:
            rows[i] = [size(h) / average for h in entropy[i]]
    found = cl.entropy_weight(**x, conserve=conserve, strength=2.0)
    assert_close(found, table(rows, 5))
