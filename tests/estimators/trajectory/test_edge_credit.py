"""Credit of the parts of a choice by hand, and what tells nothing."""

import pytest
import torch
from helpers import F64, assert_same
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments

pytestmark = pytest.mark.usefixtures("quick_backend")


def test_by_hand():
    # Part 0 is in rows 0 and 1: mean 1/2. Part 1 is in row 0: 1. Part 2 is in rows 1 and 2: 0.
    # Rewards are centred by 1/3 first: 1/6, 2/3, -1/3; their mean over the three parts is 1/6.
    edge = torch.tensor([[True, True, False], [True, False, True], [False, False, True]])
    reward, group = torch.tensor([1.0, 0.0, 0.0], dtype=F64), torch.tensor([4, 4, 4])
    found = cl.edge_credit(reward=reward, group=group, edge=edge, scale=None)
    wanted = torch.tensor([[0, 0.5, 0], [0, 0, -0.5], [0, 0, -0.5]], dtype=F64)
    assert_close(found, wanted)
    # The population deviation of 0, 1/2, -1/2 is √(1/6).
    scaled = cl.edge_credit(reward=reward, group=group, edge=edge, eps=0.0)
    assert_close(scaled, wanted * 6**0.5)


@given(seed=st.integers(0, 10**6), scale=st.sampled_from(["std", None]))
def test_against_a_loop(seed, scale):
    x = random_arguments(cl.edge_credit, seed=seed, dtype=F64, optional=True)
    wanted = torch.zeros(x["edge"].shape, dtype=F64)
    for number in x["group"].unique().tolist():
        rows = ((x["group"] == number) & x["valid"]).nonzero()[:, 0].tolist()
        parts = [e for e in range(3) if any(x["edge"][i, e] for i in rows)]
        of = {e: [float(x["reward"][i]) for i in rows if x["edge"][i, e]] for e in parts}
        score = {e: sum(of[e]) / len(of[e]) for e in parts}
        mean = sum(score.values()) / max(len(parts), 1)
        unit = (sum((score[e] - mean) ** 2 for e in parts) / max(len(parts), 1)) ** 0.5
        for i in rows:
            for e in parts:
                if x["edge"][i, e]:
                    gap = score[e] - mean
                    wanted[i, e] = gap if scale is None else gap / (unit + 0.1)
    assert_close(cl.edge_credit(**x, scale=scale, eps=0.1), wanted)


@given(seed=st.integers(0, 10**6))
def test_what_tells_nothing_is_exactly_zero(seed):
    x = random_arguments(cl.edge_credit, seed=seed)
    zero = torch.zeros(x["edge"].shape)
    assert_same(cl.edge_credit(**{**x, "reward": torch.full_like(x["reward"], 0.7)}), zero)
    assert_same(cl.edge_credit(**{**x, "edge": torch.ones_like(x["edge"])}), zero)
    assert_same(cl.edge_credit(**{**x, "group": torch.arange(12)}), zero)
