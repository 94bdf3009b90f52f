"""A²TGPO by hand and against loops; the clip scale that follows from its scores."""

import math

import pytest
import torch
from helpers import F64, assert_same, deviation, mean, members, ragged, suffix, table
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments

NONE = {"eps": 0.0, "variance_eps": 0.0}


def batch():
    return {
        "reward": torch.tensor([4.0, 0.0], dtype=F64),
        "group": torch.tensor([7, 7]),
        "information_gain": torch.tensor([[1.0, 5.0, 9.0], [3.0, 9.0, torch.nan]], dtype=F64),
        "turn_count": torch.tensor([3, 2]),
    }


def test_by_hand():
    # turn 0: gains 1 and 3, z ∓1; turn 1: 5 is alone, z 0 (row 1's entry is its last turn's).
    # D of row 0 at turn 0 is −1 + 0.5·0 over √2; outcomes ±1.
    result = cl.a2tgpo(**batch(), **NONE, alpha=0.5, gamma=0.5)
    expected = [[1 - 0.5 / 2**0.5, 1, 1], [-1 + 0.5, -1, 0]]
    assert_close(result, torch.tensor(expected, dtype=F64))


def test_clip_scale_by_hand():
    x = batch()
    x.pop("reward")
    # 1 + 0.5·(2σ(∓1) − 1) = 1 ∓ 0.5·tanh(1/2); the lone gain, the answer: 1; padding: 0
    half = 0.5 * math.tanh(0.5)
    expected = torch.tensor([[1 - half, 1, 1], [1 + half, 1, 0]], dtype=F64)
    assert_close(cl.a2tgpo_clip_scale(**x, **NONE, width=0.5), expected)


def turn_scores(gains, own, ddof):
    """z of every gain among the gains of the same turn: 0 where only one trajectory gains."""
    z = {}
    for k in range(5):
        reached = [i for i in own if len(gains[i]) > k]
        pool = [gains[i][k] for i in reached]
        for i in reached:
            by = (deviation(pool, ddof) ** 2 + 0.2) ** 0.5 + 0.1
            z[i, k] = (gains[i][k] - mean(pool)) / by
    return z


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("gamma", [1.0, 0.8])
@given(seed=st.integers(0, 10**6))
def test_against_loops(ddof, gamma, seed):
    x = random_arguments(cl.a2tgpo, seed=seed, dtype=F64, optional=True)
    count, reward = x["turn_count"].tolist(), x["reward"].tolist()
    gains = ragged(x["information_gain"], [max(n - 1, 0) for n in count])
    rows, scales = ([[0.0] * 5 for _ in count] for _ in range(2))
    for own in members(x["group"].tolist(), x["valid"].tolist()).values():
        z = turn_scores(gains, own, ddof)
        outcome = [reward[i] for i in own]
        by = (deviation(outcome, ddof) ** 2 + 0.2) ** 0.5 + 0.1
        for i in own:
            n, last = len(gains[i]), (reward[i] - mean(outcome)) / by
            if count[i]:
                ahead = suffix([z[i, k] for k in range(n)], gamma)
                rows[i] = [0.4 * d / (n - k) ** 0.5 + last for k, d in enumerate(ahead)] + [last]
                open_ = [1 + 0.3 * (2 / (1 + math.exp(-z[i, k])) - 1) for k in range(n)]
                scales[i] = [*open_, 1.0]
    options = {"ddof": ddof, "eps": 0.1, "variance_eps": 0.2}
    assert_close(cl.a2tgpo(**x, **options, alpha=0.4, gamma=gamma), table(rows, 5))
    x.pop("reward")
    assert_close(cl.a2tgpo_clip_scale(**x, **options), table(scales, 5))


def test_special_and_degenerate_cases():
    x = random_arguments(cl.a2tgpo, seed=5, dtype=F64)
    grpo = cl.grpo(reward=x["reward"], group=x["group"], ddof=0, eps=1e-6)
    flat = cl.a2tgpo(**x, alpha=0.0, variance_eps=0.0)
    real = torch.arange(5) < x["turn_count"][:, None]
    assert_close(flat, torch.where(real, grpo[:, None], 0))
    single = {**x, "turn_count": torch.ones_like(x["turn_count"])}
    assert_close(cl.a2tgpo(**single, variance_eps=0.0)[:, 0], grpo)
    constant = {**batch(), "reward": torch.full((2,), 0.7, dtype=F64)}
    constant["information_gain"] = torch.full((2, 3), 0.1, dtype=F64)
    assert_same(cl.a2tgpo(**constant), torch.zeros(2, 3, dtype=F64))


def test_padding_changes_no_bit_of_the_clip_scale():
    draw = torch.Generator().manual_seed(0)
    other = {"group": torch.arange(43) // 3, "turn_count": torch.full((43,), 5)}
    for extra in range(1, 150):
        gain = torch.randn(43, 5, generator=draw, dtype=F64)
        wider = torch.nn.functional.pad(gain, (0, extra), value=torch.nan)
        result = cl.a2tgpo_clip_scale(information_gain=wider, **other)[:, :5].contiguous()
        assert_same(result, cl.a2tgpo_clip_scale(information_gain=gain, **other))
