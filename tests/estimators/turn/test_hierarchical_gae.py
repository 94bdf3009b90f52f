"""Turns inside segments by hand; a segment a turn, and one segment, are GAE."""

import torch
from helpers import F64, assert_same
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments

NAN = torch.nan


def test_by_hand():
    batch = {
        "turn_reward": torch.tensor([[1.0, 0.0, 2.0, NAN]], dtype=F64),
        "turn_value": torch.tensor([[0.5, 1.0, 0.0, NAN]], dtype=F64),
        "segment_value": torch.tensor([[1.0, 99.0, 2.0, NAN]], dtype=F64),
        "starts": torch.tensor([[False, False, True, True]]),
        "turn_count": torch.tensor([3]),
        "bootstrap": torch.tensor([4.0], dtype=F64),
    }
    # Turn 2: 2 + 0.5·4 − 0 = 4. Turn 1 ends its segment: 0 + 0.5·2 − 1 = 0 and nothing carried.
    # Turn 0: 1 + 0.5·1 − 0.5 + 0.25·0 = 1.
    # Segment at 2: 2 + 0.5·4 − 2 = 2. At 0, two turns: (1 + 0.5·0) + 0.25·2 − 1 + 0.25·0.75·2.
    turn, segment = cl.hierarchical_gae(**batch, gamma=0.5, lam_turn=0.5, lam_segment=0.75)
    assert turn.tolist() == [[1, 0, 4, 0]]
    assert segment.tolist() == [[0.875, 0, 2, 0]]


@given(seed=st.integers(0, 10**6), gamma=st.floats(0, 1), lam=st.floats(0, 1))
def test_a_segment_a_turn_and_one_segment_are_gae(seed, gamma, lam):
    x = random_arguments(cl.hierarchical_gae, seed=seed, dtype=F64, optional=True)
    common = {name: x[name] for name in ("turn_reward", "turn_count", "bootstrap", "valid")}
    both = {"gamma": gamma, "lam_turn": lam, "lam_segment": lam}
    every = {**x, "starts": torch.ones_like(x["starts"])}
    _, segment = cl.hierarchical_gae(**every, **both)
    of_segments = {**common, "turn_value": x["segment_value"]}
    assert_close(segment, cl.turn_gae(**of_segments, gamma=gamma, lam=lam)[0])
    one = {**x, "starts": torch.zeros_like(x["starts"])}
    turn, _ = cl.hierarchical_gae(**one, **both)
    wanted = cl.turn_gae(**common, turn_value=x["turn_value"], gamma=gamma, lam=lam)[0]
    assert_close(turn, wanted)


def test_the_value_of_a_segment_is_read_where_it_starts():
    x = random_arguments(cl.hierarchical_gae, seed=4)
    first = x["starts"] | (torch.arange(x["starts"].shape[1]) == 0)
    other = {**x, "segment_value": torch.where(first, x["segment_value"], 1e9)}
    found = zip(cl.hierarchical_gae(**x), cl.hierarchical_gae(**other), strict=True)
    for ours, theirs in found:
        assert_same(ours, theirs)
