"""GPG by hand and against a loop."""

import torch
from helpers import F64, assert_same, mean, members
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments


def test_by_hand():
    # 4 rows, 2 earn something: alpha = 2. Group means 1 and 3 (alone).
    reward, group = torch.tensor([0.0, 3.0, 0.0, 3.0]), torch.tensor([5, 5, 5, 6])
    assert cl.gpg(reward=reward, group=group).tolist() == [-2, 4, -2, 0]
    assert cl.gpg(reward=reward, group=group, normalizer=4.0).tolist() == [-0.5, 1, -0.5, 0]
    assert cl.gpg(reward=reward, group=group, lone="raw").tolist() == [-2, 4, -2, 6]


def test_degenerate_cases():
    one = torch.zeros(3, dtype=torch.int64)
    assert_same(cl.gpg(reward=torch.zeros(3), group=one), torch.zeros(3))
    assert_same(cl.gpg(reward=torch.full((3,), 0.7), group=one), torch.zeros(3))
    assert cl.gpg(reward=torch.zeros(0), group=one[:0]).shape == (0,)


def test_counting_exact_zeros_is_not_shift_invariant():
    one = torch.zeros(2, dtype=torch.int64)
    reward = torch.tensor([0.0, 1.0])
    assert cl.gpg(reward=reward, group=one).tolist() == [-1, 1]  # alpha 2
    assert cl.gpg(reward=reward + 1, group=one).tolist() == [-0.5, 0.5]  # alpha 1


@given(seed=st.integers(0, 10**6))
def test_against_a_loop(seed):
    x = random_arguments(cl.gpg, seed=seed, dtype=F64, optional=True)
    value, take = x["reward"].tolist(), x["valid"].tolist()
    expected = [0.0] * len(value)
    earned = sum(t and v != 0 for v, t in zip(value, take, strict=True))
    alpha = sum(take) / max(earned, 1)
    for own in members(x["group"].tolist(), take).values():
        for i in own:
            if len(own) > 1:
                expected[i] = alpha * (value[i] - mean([value[k] for k in own])) / 3
    assert_close(cl.gpg(**x, normalizer=3.0), torch.tensor(expected, dtype=F64))
