"""GDPO by hand and against a loop."""

import pytest
import torch
from helpers import F64, assert_same, deviation, mean, members, ratio
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments


def test_by_hand():
    # objective 0: 0, 2 -> ∓1/√2 · √2/… : mean 1, deviation √2, so ∓1/√2; objective 1 is constant
    rewards = torch.tensor([[0.0, 5.0], [2.0, 5.0]], dtype=F64)
    group = torch.tensor([3, 3])
    # sums ∓1/√2 have mean 0 and variance (1/2 + 1/2)/1 = 1: whitened they stay
    result = cl.gdpo(rewards=rewards, group=group, eps=0.0, whiten_eps=0.0)
    half = 0.5**0.5
    assert_close(result, torch.tensor([-half, half], dtype=F64))
    # an eps of 3 on the variance: 1/√(1 + 3)
    result = cl.gdpo(rewards=rewards, group=group, eps=0.0, whiten_eps=3.0)
    assert_close(result, torch.tensor([-half / 2, half / 2], dtype=F64))
    # ddof 0: deviation 1, sums ∓1, variance 2
    result = cl.gdpo(rewards=rewards, group=group, eps=0.0, whiten_eps=2.0, ddof=0)
    assert_close(result, torch.tensor([-0.5, 0.5], dtype=F64))


NAN = float("nan")


def test_a_missing_score_by_hand():
    # objective 0 over three rows: 1, 0, 1; mean 2/3, deviation √((1/9 + 4/9 + 1/9) / 2) = 0.57735
    #   z  (1/3) / 0.57735 = 0.57735,  (−2/3) / 0.57735 = −1.15470,  0.57735
    # objective 1 over rows 1 and 2: 1, 0; mean 1/2, deviation 0.70711; z  0.70711, −0.70711
    #   sums  0.57735,  −1.15470 + 0.70711 = −0.44760,  0.57735 − 0.70711 = −0.12975
    # whitened: mean 0, variance (0.33333 + 0.20034 + 0.01684) / 2 = 0.27525, deviation 0.52465
    rewards = torch.tensor([[1.0, NAN], [0.0, 1.0], [1.0, 0.0]], dtype=F64)
    exact = {"eps": 0.0, "whiten_eps": 0.0}
    result = cl.gdpo(rewards=rewards, group=torch.tensor([0, 0, 0]), **exact)
    third, half = (1 / 3) ** 0.5, 0.5**0.5
    sums = torch.tensor([third, half - 2 * third, third - half], dtype=F64)
    assert_close(result, sums / (sums.square().sum() / 2).sqrt())
    assert [round(x, 4) for x in result.tolist()] == [1.1005, -0.8531, -0.2473]
    # A fourth row without any score: 0, and nothing else changes.
    more = torch.cat([rewards, torch.full((1, 2), NAN, dtype=F64)])
    again = cl.gdpo(rewards=more, group=torch.tensor([0, 0, 0, 0]), **exact)
    assert_same(again, torch.cat([result, torch.zeros(1, dtype=F64)]))


def test_the_only_score_of_a_group_is_that_of_a_lone_row():
    rewards = torch.tensor([[3.0, 1.0], [NAN, 0.0]])
    group = torch.tensor([5, 5])
    # objective 0: a lone score adds 0; objective 1: ±0.7071, which whitening keeps
    result = cl.gdpo(rewards=rewards, group=group, eps=0.0, whiten_eps=0.0)
    assert_close(result, torch.tensor([0.5**0.5, -(0.5**0.5)]))
    # lone="raw": 3 + 0.7071 and −0.7071; mean 1.5, so they are whitened to ±0.7071 as well
    raw = cl.gdpo(rewards=rewards, group=group, eps=0.0, whiten_eps=1.0, lone="raw")
    gap = (3 + 2 * 0.5**0.5) / 2
    assert_close(raw, torch.tensor([gap, -gap]) / (1 + 2 * gap**2) ** 0.5)


def test_objectives_that_cancel_by_hand():
    # Solved 1, 0, 0 and failed 0, 1, 1: z of one is minus z of the other. As numbers 1 − 1/3 and
    # 0 − 2/3 differ in their last digit, which whitening without an eps would enlarge to ±1.
    rewards = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]], dtype=F64)
    for rows in (3, 4):
        group = torch.zeros(rows, dtype=torch.int64)
        result = cl.gdpo(rewards=rewards[:rows], group=group, eps=0.0, whiten_eps=0.0)
        assert_same(result, torch.zeros(rows, dtype=F64))


@given(seed=st.integers(0, 10**6))
def test_two_opposite_objectives_cancel_in_every_row(seed):
    # A score near the mean of its group has the rounding of the scores far from it.
    x = random_arguments(cl.gdpo, seed=seed, dtype=F64)
    score = x["rewards"][:, :1]
    opposite = {**x, "rewards": torch.cat([score, -score], 1)}
    result = cl.gdpo(**opposite, whiten_eps=0.0)
    assert_same(result, torch.zeros_like(result))


@given(seed=st.integers(0, 10**6))
def test_rows_and_objectives_without_scores_are_absent(seed):
    x = random_arguments(cl.gdpo, seed=seed, dtype=F64, optional=True)
    plain = cl.gdpo(**x)
    rows = torch.arange(12) % 3 == seed % 3
    missing = {**x, "rewards": x["rewards"].masked_fill(rows[:, None], NAN)}
    assert_same(cl.gdpo(**missing), cl.gdpo(**{**x, "valid": x["valid"] & ~rows}))
    column = torch.full((12, 1), NAN, dtype=F64)
    assert_same(cl.gdpo(**{**x, "rewards": torch.cat([x["rewards"], column], 1)}), plain)


def test_a_score_is_missing_or_finite(refusal):
    rewards = torch.tensor([[1.0, 0.0], [0.0, float("inf")]])
    sentence = refusal(cl.gdpo, rewards=rewards, group=torch.tensor([0, 0]))
    assert sentence.startswith("gdpo: `rewards` must be finite, got inf in row 1, objective 1")


def test_degenerate_cases():
    group = torch.tensor([3, 3])
    assert_same(cl.gdpo(rewards=torch.full((2, 3), 0.7), group=group), torch.zeros(2))
    assert cl.gdpo(rewards=torch.zeros(0, 2), group=group[:0]).shape == (0,)
    assert_same(cl.gdpo(rewards=torch.zeros(2, 0), group=group), torch.zeros(2))
    with pytest.raises(cl.ContractError, match="gdpo: `weights` must be one number for each"):
        cl.gdpo(rewards=torch.zeros(2, 3), group=group, weights=[1.0])


@pytest.mark.parametrize("lone", ["zero", "raw"])
@pytest.mark.parametrize("with_length", [False, True])
@given(seed=st.integers(0, 10**6), gaps=st.booleans())
def test_against_a_loop(lone, with_length, seed, gaps):
    x = random_arguments(cl.gdpo, seed=seed, dtype=F64, optional=True)
    if not with_length:
        x.pop("length")
    if gaps:
        absent = torch.rand(12, 3, generator=torch.Generator().manual_seed(seed)) < 0.4
        x["rewards"] = x["rewards"].masked_fill(absent, NAN)
    scored = ~x["rewards"].isnan() & x["valid"][:, None]
    take, weights = scored.any(1).tolist(), [1.0, 0.5, -2.0]
    sums = [0.0] * len(take)
    for k, weight in enumerate(weights):
        value = x["rewards"][:, k].tolist()
        for own in members(x["group"].tolist(), scored[:, k].tolist()).values():
            rewards = [value[i] for i in own]
            for i in own:
                part = ratio(value[i] - mean(rewards), deviation(rewards), 0.1)
                alone = value[i] / 1.1 if lone == "raw" else 0.0
                sums[i] += weight * (alone if len(own) == 1 else part)
    counts = x["length"].tolist() if with_length else [1] * len(take)
    counts = [h if t else 0 for h, t in zip(counts, take, strict=True)]
    pool = [s for s, h in zip(sums, counts, strict=True) for _ in range(h)]
    expected = [
        (s - mean(pool)) / (deviation(pool) ** 2 + 0.3) ** 0.5 if h else 0.0
        for s, h in zip(sums, counts, strict=True)
    ]
    result = cl.gdpo(**x, weights=weights, eps=0.1, whiten_eps=0.3, lone=lone)
    assert_close(result, torch.tensor(expected, dtype=F64))
