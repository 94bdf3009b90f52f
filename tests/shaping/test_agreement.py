"""Agreement by hand: shares, majorities and evidence."""

import math

import torch
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments

# Group 0: answers 4, 4, 9 and none; group 1: 9 alone.
ANSWER, GROUP = torch.tensor([4, 9, 4, -1, 9]), torch.tensor([0, 0, 0, 0, 1])


def test_shares_and_majorities_by_hand():
    share = cl.agreement(answer=ANSWER, group=GROUP)
    assert_close(share, torch.tensor([2 / 3, 1 / 3, 2 / 3, 0, 1]))
    most = cl.agreement(answer=ANSWER, group=GROUP, how="majority")
    assert most.tolist() == [1, 0, 1, 0, 1]
    # Of equal shares the answer of the first row wins; an excluded row does not vote.
    valid = torch.tensor([True, True, False, True, True])
    share = cl.agreement(answer=ANSWER, group=GROUP, valid=valid)
    assert share.tolist() == [0.5, 0.5, 0, 0, 1]
    most = cl.agreement(answer=ANSWER, group=GROUP, valid=valid, how="majority")
    assert most.tolist() == [1, 0, 0, 0, 1]


def test_evidence_by_hand():
    # Answer 4 has the evidence (0.2 + 0.4)/2 = 0.3 and answer 9 has 0.9: 2/3 · e^0.3, 1/3 · e^0.9.
    evidence = torch.tensor([0.2, 0.9, 0.4, 0.5, 0.1])
    four, nine = 2 / 3 * math.exp(0.3), 1 / 3 * math.exp(0.9)
    four, nine = four / (four + nine), nine / (four + nine)
    found = cl.agreement(answer=ANSWER, group=GROUP, evidence=evidence)
    assert_close(found, torch.tensor([four, nine, four, 0, 1]))
    # Without strength it is the share.
    plain = cl.agreement(answer=ANSWER, group=GROUP, evidence=evidence, strength=0.0)
    assert_close(plain, cl.agreement(answer=ANSWER, group=GROUP))


@given(seed=st.integers(0, 10**6))
def test_the_answers_of_a_group_share_one(seed):
    x = random_arguments(cl.agreement, seed=seed, optional=True)
    for options in ({}, {"how": "majority"}):
        found = cl.agreement(**x, **options)
        for number in x["group"].unique():
            told = (x["group"] == number) & x["valid"] & (x["answer"] >= 0)
            once = {int(a): float(v) for a, v in zip(x["answer"][told], found[told], strict=True)}
            assert not told.any() or abs(sum(once.values()) - 1) < 1e-5
