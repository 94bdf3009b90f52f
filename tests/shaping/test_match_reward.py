"""Rewards of matched calls by hand, and what is not there."""

import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments

TABLE = {
    "similarity": torch.tensor([[[0.9, 0.8], [0.7, 0.0], [9.0, 9.0]], [[0.5, 0.5]] * 3]),
    "call_count": torch.tensor([2, 1]),
    "target_count": torch.tensor([2, 0]),
}


def test_by_hand():
    # Call 0 takes target 1 and call 1 takes target 0: 0.8 + 0.7; greedy: 0.9 and nothing.
    pytest.importorskip("scipy")
    found = cl.match_reward(**TABLE, unmatched=-0.5)
    assert_close(found, torch.tensor([[0.8, 0.7, 0], [-0.5, 0, 0]]))
    greedy = cl.match_reward(**TABLE, unmatched=-0.5, how="greedy")
    assert_close(greedy, torch.tensor([[0.9, -0.5, 0], [-0.5, 0, 0]]))


def test_without_scipy_the_sentence_says_what_to_do(refusal, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    assert refusal(cl.match_reward, **TABLE) == (
        "match_reward: `how` must be 'greedy' or 'transport', got 'exact'; "
        "install SciPy for how='exact': pip install scipy."
    )


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), how=st.sampled_from(["greedy", "transport"]))
def test_what_lies_past_the_counts_is_not_read(seed, how):
    x = random_arguments(cl.match_reward, seed=seed)
    found = cl.match_reward(**x, how=how)
    calls = torch.arange(4) < x["call_count"][:, None]
    inside = calls[:, :, None] & (torch.arange(3) < x["target_count"][:, None])[:, None]
    other = {**x, "similarity": torch.where(inside, x["similarity"], 7.0)}
    assert torch.equal(cl.match_reward(**other, how=how), found)
    assert not found[~calls].any()
