"""GRPO by hand, its special cases, its degenerate cases."""

import pytest
import torch
from helpers import F64, deviation, mean, members, ratio
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments

REWARD = torch.tensor([0.0, 0.0, 0.0, 4.0], dtype=F64)
ONE = torch.zeros(4, dtype=torch.int64)


def test_by_hand():
    # mean 1; squares 1 + 1 + 1 + 9 = 12; 12/(4 − 1) = 4, so the deviation is 2, plus eps 2: 4
    result = cl.grpo(reward=REWARD, group=ONE, eps=2.0)
    assert result.tolist() == [-0.25, -0.25, -0.25, 0.75]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        # no spread: 0 − 1 and 4 − 1
        ({"scale": None}, [-1, 3]),
        # the others' means: (0 + 0 + 4)/3 and 0
        ({"scale": None, "center": "leave_one_out"}, [-4 / 3, 4]),
        ({"scale": None, "center": "median"}, [0, 4]),
        ({"scale": None, "center": None}, [0, 4]),
        # 12/4 = 3
        ({"ddof": 0, "eps": 0.0}, [-(3**-0.5), 3 * 3**-0.5]),
        # sqrt(4 + 5) = 3; max(2, 8) = 8
        ({"eps": 5.0, "eps_at": "variance"}, [-1 / 3, 1]),
        ({"eps": 8.0, "eps_at": "floor"}, [-1 / 8, 3 / 8]),
        # the mean is 1
        ({"scale": "mean", "eps": 1.0}, [-0.5, 1.5]),
        # the median distance from the median is 0, so their mean divides: 4/4 = 1
        ({"scale": "mad", "eps": 0.0}, [-1, 3]),
        ({"scale": "mad", "center": "median", "eps": 0.0}, [0, 4]),
        # or the floor
        ({"scale": "mad", "center": "median", "eps": 0.5, "eps_at": "floor"}, [0, 8]),
    ],
)
def test_options_by_hand(options, expected):
    result = cl.grpo(reward=REWARD, group=ONE, **options)
    assert_close(result[2:], torch.tensor(expected, dtype=F64))


def test_mad_by_hand():
    # median 2, distances 2 1 0 1 6: their median is 1
    reward = torch.tensor([0.0, 1.0, 2.0, 3.0, 8.0], dtype=F64)
    group = torch.zeros(5, dtype=torch.int64)
    result = cl.grpo(reward=reward, group=group, center="median", scale="mad", eps=1.0)
    assert result.tolist() == [-1, -0.5, 0, 0.5, 3]


def test_what_the_spread_runs_over_by_hand():
    # groups (0, 2) and (5, 5): raw squares around 3: 9 + 1 + 4 + 4 = 18, /3 = 6;
    # centred ones: 1 + 1 + 0 + 0 = 2, /3
    reward = torch.tensor([0.0, 2.0, 5.0, 5.0], dtype=F64)
    pair = {"reward": reward, "group": torch.tensor([7, 7, 1, 1]), "eps": 0.0}
    raw = torch.tensor([-(6**-0.5), 6**-0.5, 0, 0], dtype=F64)
    assert_close(cl.grpo(**pair, scale_over="batch"), raw)
    centered = torch.tensor([-(1.5**0.5), 1.5**0.5, 0, 0], dtype=F64)
    assert_close(cl.grpo(**pair, scale_over="centered_batch"), centered)


def test_a_scale_that_is_rounding_is_refused(refusal):
    # Two thirds of 1, 0, 0 and one of 0, 1, 3 lie 1/3 below their mean: 0 − 1/3 and 1 − 4/3 differ
    # in their last digit. Their median deviation is 0, and 5.6e-17 as computed.
    batch = {
        "reward": torch.tensor([1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 3.0], dtype=F64),
        "group": torch.arange(9) // 3,
    }
    centered = cl.grpo(**batch, scale=None)
    deviation = (centered - centered.median()).abs().median().item()
    assert 0 < deviation < 1e-15
    for scale in ("mad", "mean"):
        assert refusal(cl.grpo, **batch, scale=scale, scale_over="centered_batch") == (
            f"grpo: `scale_over` must be 'group' or 'batch' with scale='{scale}', "
            "got 'centered_batch'; of centered rewards it is rounding."
        )


def test_degenerate_cases():
    lone = {"reward": torch.tensor([3.0], dtype=F64), "group": torch.tensor([7])}
    assert cl.grpo(**lone).tolist() == [0]
    assert cl.grpo(**lone, lone="raw", eps=0.5).tolist() == [2]  # 3 / (1 + 0.5)
    assert cl.grpo(**lone, lone="raw", scale=None).tolist() == [3]
    empty = {"reward": REWARD[:0], "group": ONE[:0]}
    assert cl.grpo(**empty).shape == (0,)
    left_out = torch.zeros(4, dtype=torch.bool)
    assert cl.grpo(reward=REWARD, group=ONE, valid=left_out).tolist() == [0] * 4
    # Two members are left by valid, one of which is NaN's neighbour.
    valid = torch.tensor([True, True, False, False])
    reward = torch.tensor([1.0, 3.0, torch.nan, 1e30], dtype=F64)
    assert cl.grpo(reward=reward, group=ONE, valid=valid, scale=None).tolist() == [-1, 1, 0, 0]


def test_a_negative_mean_that_cancels_eps_divides_nothing():
    reward = torch.full((2,), -1e-6, dtype=F64)
    assert cl.grpo(reward=reward, group=ONE[:2], scale="mean", eps=1e-6).tolist() == [0, 0]


@pytest.mark.parametrize("scale", ["std", None])
@pytest.mark.parametrize("ddof", [0, 1])
@given(seed=st.integers(0, 10**6))
def test_against_a_loop(scale, ddof, seed):
    x = random_arguments(cl.grpo, seed=seed, dtype=F64, optional=True)
    value, expected = x["reward"].tolist(), [0.0] * len(x["reward"])
    for own in members(x["group"].tolist(), x["valid"].tolist()).values():
        rewards = [value[i] for i in own]
        for i in own:
            centered = value[i] - mean(rewards)
            spread = deviation(rewards, ddof)
            expected[i] = ratio(centered, spread, 0.1) if scale else centered
    result = cl.grpo(**x, scale=scale, ddof=ddof, eps=0.1)
    assert_close(result, torch.tensor(expected, dtype=F64))
