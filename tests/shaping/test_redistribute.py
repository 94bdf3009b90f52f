"""An outcome cut into turns by hand; nothing is lost unless it is asked for."""

import torch
from helpers import F64
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments

T = torch.tensor


def test_by_hand():
    # 6 · 1/4, 6 · 3/4; the share past the end is not read; -2 in equal parts.
    found = cl.redistribute(
        reward=T([6.0, -2.0]),
        share=T([[1.0, 3.0, 9.0], [0.5, 0.5, torch.nan]]),
        turn_count=T([2, 2]),
    )
    assert found.tolist() == [[1.5, 4.5, 0], [-1, -1, 0]]


def test_rows_without_shares_without_turns_and_excluded():
    given_ = {
        "reward": T([5.0, 7.0, 9.0]),
        "share": T([[0.0, 0.0], [1.0, 1.0], [1.0, 1.0]]),
        "turn_count": T([1, 0, 2]),
        "valid": T([True, True, False]),
    }
    assert cl.redistribute(**given_).tolist() == [[5, 0], [0, 0], [0, 0]]
    assert not cl.redistribute(**given_, nothing="zero").any()
    assert cl.redistribute(**{k: x[:0] for k, x in given_.items()}).shape == (0, 2)


def test_large_shares_do_not_overflow():
    found = cl.redistribute(reward=T([2.0]), share=T([[3e38, 3e38]]), turn_count=T([2]))
    assert found.tolist() == [[1, 1]]


@given(seed=st.integers(0, 10**6))
def test_the_sum_is_the_outcome(seed):
    x = random_arguments(cl.redistribute, seed=seed, dtype=F64)
    some = x["turn_count"] > 0
    assert_close(cl.redistribute(**x).sum(1)[some], x["reward"][some])
