"""Weights of tokens by the side of their score, by hand, against a loop, and their memory."""

import json
import math
from itertools import accumulate
from operator import itemgetter

import pytest
import torch
from helpers import F64, assert_same
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments

MEMORY = "[memory]"


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def test_by_hand():
    # One feature, v = ½ · hidden: 1 and 3 on the side of credit 2, −1 and −1 on that of credit −1.
    # Centroids 2 and −1. m = 3 · (2v − 1) there: 3 and 15, around 9 with deviation 6; on the other
    # side m = 3 · (1 − 2v) = 9 twice, with a deviation of 1e-4.
    tensors = {
        "credit": torch.tensor([2.0, -1.0, 0.0], dtype=F64),
        "hidden": torch.tensor([[2.0, 6.0], [-2.0, -2.0], [5.0, 5.0]], dtype=F64)[..., None],
        "log_prob": torch.full((3, 2), math.log(0.5), dtype=F64),
        "turn": torch.tensor([[0, 0], [0, 0], [0, -1]]),
    }
    found = cl.delta_weight(**tensors, passes=0, conserve=None)
    near = [0.8 + 0.4 * sigmoid(0.5), 0.8 + 0.4 * sigmoid(2.5)]
    expected = torch.tensor([near, [1.2, 1.2], [0.8, 0.0]], dtype=F64)
    assert_close(found, expected)
    # The mean of the five written tokens is 1.
    assert_close(cl.delta_weight(**tensors, passes=0), expected / (expected.sum() / 5))
    # A pass moves the first centroid towards 3; the deviations stay 6 and 1e-4.
    a, b = sigmoid(0.5), sigmoid(2.5)
    m = (a + 3 * b) / (a + b)
    margins = [(v + 1) ** 2 - (v - m) ** 2 for v in (1, 3)]
    moved = [0.8 + 0.4 * sigmoid(x / 6) for x in margins]
    found = cl.delta_weight(**tensors, conserve=None)
    assert_close(found, torch.tensor([moved, [1.2, 1.2], [0.8, 0.0]], dtype=F64))


@pytest.mark.parametrize("credit", [[0.0, 0.0], [1.0, 1.0], [-3.0, -3.0]])
def test_equal_tokens_weigh_exactly_one(credit):
    found = cl.delta_weight(
        credit=torch.tensor(credit),
        hidden=torch.full((2, 3, 4), 0.7),
        log_prob=torch.full((2, 3), -0.3),
        turn=torch.tensor([[-1, 0, 1], [0, 0, -1]]),
    )
    assert found.tolist() == [[0, 1, 1], [1, 1, 0]]


def test_excluded_rows_get_nothing_and_change_nothing():
    x = random_arguments(cl.delta_weight, seed=3)
    x["credit"][4] = torch.nan
    valid = torch.arange(12) != 4
    found = cl.delta_weight(**x, valid=valid)
    kept = {name: tensor[valid] for name, tensor in x.items()}
    assert not found[4].any()
    assert_same(found[valid], cl.delta_weight(**kept))


def test_low_may_not_lie_above_high():
    x = random_arguments(cl.delta_weight)
    with pytest.raises(cl.ContractError, match="delta_weight: `low` must be at most"):
        cl.delta_weight(**x, high=0.5)


@pytest.mark.parametrize("passes", [0, 1, 2])
@given(seed=st.integers(0, 10**6))
def test_against_a_loop(passes, seed):
    x = random_arguments(cl.delta_weight, seed=seed, dtype=F64, optional=True)
    found = cl.delta_weight(**x, passes=passes, conserve=None)
    wrote = (x["turn"] >= 0) & x["valid"][:, None]
    expected = torch.where(wrote, 0.8, 0.0).to(F64)
    sides = {}
    for i, t in wrote.nonzero().tolist():
        a = float(x["credit"][i])
        if a:
            v = (1 - x["log_prob"][i, t].exp()) * x["hidden"][i, t]
            sides.setdefault(a > 0, []).append((i, t, v, abs(a)))
    share = {side: [a for *_, a in own] for side, own in sides.items()}
    margin, gamma = _margins(sides, share), {}
    gamma = {side: _deviation(own) for side, own in margin.items()}
    for step in range(passes):
        gamma = {side: _deviation(own) for side, own in margin.items()} if step else gamma
        share = {
            side: [
                sigmoid(m / gamma[side]) * a for m, (*_, a) in zip(margin[side], own, strict=True)
            ]
            for side, own in sides.items()
        }
        margin = _margins(sides, share)
    for side, own in sides.items():
        for (i, t, *_), m in zip(own, margin[side], strict=True):
            expected[i, t] = 0.8 + 0.4 * sigmoid(m / gamma[side])
    assert_close(found, expected, torch.float32)


def _margins(sides, share):
    """How much nearer to its own centroid each token is, by differences of squares."""
    centroid = dict.fromkeys((True, False), torch.zeros(3, dtype=F64))
    for side, own in sides.items():
        total = sum(w * v for w, (_, _, v, _) in zip(share[side], own, strict=True))
        centroid[side] = total / max(sum(share[side]), 1e-8)
    return {
        side: [
            float((v - centroid[not side]).square().sum() - (v - centroid[side]).square().sum())
            for _, _, v, _ in own
        ]
        for side, own in sides.items()
    }


def _deviation(values):
    center = sum(values) / len(values)
    return math.sqrt(max(sum((x - center) ** 2 for x in values) / len(values), 1e-8))


def peak(function, path):
    """The most memory that a call held beyond what was there, in bytes."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as profile:
        function()
    profile.export_chrome_trace(str(path))
    events = json.loads(path.read_text())["traceEvents"]
    moves = [(event["ts"], event["args"]["Bytes"]) for event in events if event["name"] == MEMORY]
    return max(accumulate(size for _, size in sorted(moves, key=itemgetter(0))))


@pytest.mark.parametrize("cut", [False, True])
def test_the_peak_is_at_most_a_fifth_of_the_inputs(cut, tmp_path):
    """Hidden states are never copied as a whole, not even where they are a part of a tensor."""
    rows, width, features = 128, 385, 512
    hidden = torch.randn(rows, width, features, generator=torch.Generator().manual_seed(1))
    hidden = hidden[:, :-1] if cut else hidden[:, 1:].contiguous()
    x = {
        "credit": torch.randn(rows),
        "hidden": hidden,
        "log_prob": -torch.rand(rows, width - 1),
        "turn": torch.zeros(rows, width - 1, dtype=torch.int64),
    }
    given = sum(tensor.numel() * tensor.element_size() for tensor in x.values())
    path = tmp_path / "trace.json"
    assert peak(lambda: cl.delta_weight(**x), path) <= 0.2 * given
    assert peak(lambda: hidden - 1, path) >= 0.9 * given
