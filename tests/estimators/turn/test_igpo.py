"""IGPO by hand and against loops, gains and outcomes pooled together or apart."""

import pytest
import torch
from helpers import F64, assert_same, deviation, mean, members, ragged, suffix, table
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments


def z_scores(values, ddof=0):
    """z of each value of a pool with variance_eps 0.2 and eps 0.1; a pool of equals gives 0."""
    by = (deviation(values, ddof) ** 2 + 0.2) ** 0.5 + 0.1
    return [(v - mean(values)) / by for v in values]


def test_by_hand():
    # gains 1 and 3 (the last entries are not read), outcomes 4 and 0
    batch = {
        "reward": torch.tensor([4.0, 0.0], dtype=F64),
        "group": torch.tensor([7, 7]),
        "information_gain": torch.tensor([[1.0, 9.0], [3.0, torch.nan]], dtype=F64),
        "turn_count": torch.tensor([2, 2]),
    }
    none = {"eps": 0.0, "variance_eps": 0.0}
    # apart: gains have mean 2 and deviation 1: ∓1; outcomes mean 2, deviation 2: ±1
    apart = cl.igpo(**batch, **none, pool="separate", gamma=0.5)
    assert apart.tolist() == [[-1 + 0.5, 1], [1 - 0.5, -1]]
    # together: 1, 3, 4, 0 have mean 2 and variance (1 + 1 + 4 + 4)/4 = 2.5
    joint = cl.igpo(**batch, **none)
    scale = 2.5**-0.5
    expected = torch.tensor([[-1 + 2, 2], [1 - 2, -2]], dtype=F64) * scale
    assert_close(joint, expected)
    # 10/3 with ddof 1; sqrt(2.5 + 3.75) + 1.5 = 4
    unbiased = cl.igpo(**batch, **none, ddof=1)
    assert_close(unbiased, expected / scale * (10 / 3) ** -0.5)
    softened = cl.igpo(**batch, variance_eps=3.75, eps=1.5)
    assert_close(softened, expected / scale / 4)


@pytest.mark.parametrize("pool", ["joint", "separate"])
@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("gamma", [1.0, 0.9, 0.0])
@given(seed=st.integers(0, 10**6))
def test_against_loops(pool, ddof, gamma, seed):
    x = random_arguments(cl.igpo, seed=seed, dtype=F64, optional=True)
    count, reward = x["turn_count"].tolist(), x["reward"].tolist()
    gains = ragged(x["information_gain"], [max(n - 1, 0) for n in count])
    rows = [[0.0] * 5 for _ in count]
    for own in members(x["group"].tolist(), x["valid"].tolist()).values():
        gained, outcome = [g for i in own for g in gains[i]], [reward[i] for i in own]
        if pool == "joint":
            z = z_scores(gained + outcome, ddof)
            z_gain, z_outcome = z[: len(gained)], z[len(gained) :]
        else:
            z_gain, z_outcome = z_scores(gained, ddof) if gained else [], z_scores(outcome, ddof)
        scores = iter(z_gain)
        for i, last in zip(own, z_outcome, strict=True):
            if count[i]:
                rows[i] = suffix([next(scores) for _ in gains[i]] + [last], gamma)
    result = cl.igpo(**x, pool=pool, ddof=ddof, gamma=gamma, eps=0.1, variance_eps=0.2)
    assert_close(result, table(rows, 5))


def test_a_gain_of_exactly_zero_is_a_gain_like_any_other():
    # gains 0, 4 and 2, −2 have mean 1 and squares 1 + 9 + 1 + 9 = 20, /4 = 5
    batch = {
        "reward": torch.zeros(2, dtype=F64),
        "group": torch.tensor([7, 7]),
        "information_gain": torch.tensor([[0.0, 4.0, 0.0], [2.0, -2.0, 0.0]], dtype=F64),
        "turn_count": torch.tensor([3, 3]),
    }
    result = cl.igpo(**batch, pool="separate", gamma=0.0, eps=0.0, variance_eps=0.0)
    expected = torch.tensor([[-1.0, 3.0, 0.0], [1.0, -3.0, 0.0]], dtype=F64) / 5**0.5
    assert_close(result, expected)


def test_degenerate_cases():
    batch = {
        "reward": torch.full((4,), 0.7),
        "group": torch.tensor([0, 0, 0, 1]),
        "information_gain": torch.full((4, 3), 0.7),
        "turn_count": torch.tensor([3, 1, 0, 2]),
    }
    for pool in ("joint", "separate"):
        assert_same(cl.igpo(**batch, pool=pool), torch.zeros(4, 3))


def test_a_trajectory_without_turns_counts_with_its_outcome():
    batch = {
        "reward": torch.tensor([0.0, 3.0, 9.0], dtype=F64),
        "group": torch.zeros(3, dtype=torch.int64),
        "information_gain": torch.zeros(3, 1, dtype=F64),
        "turn_count": torch.tensor([1, 1, 0]),
    }
    # outcomes 0, 3, 9: mean 4, squares 16 + 1 + 25 = 42, 42/3 = 14
    result = cl.igpo(**batch, eps=0.0, variance_eps=2.0)
    assert_close(result, torch.tensor([[-1.0], [-0.25], [0.0]], dtype=F64))
