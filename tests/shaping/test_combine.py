"""Several rewards as one by hand: each way, weights, missing scores, and refusals."""

import math

import pytest
import torch
from helpers import F64

import creditlib as cl
from creditlib.testing import assert_close

T = torch.tensor
TWO = T([[4.0, 1.0], [9.0, 0.0]], dtype=F64)


def test_each_way_by_hand():
    assert cl.combine(rewards=TWO).tolist() == [2.5, 4.5]
    assert cl.combine(rewards=TWO, how="sum").tolist() == [5, 9]
    assert_close(cl.combine(rewards=TWO, how="geometric"), T([2.0, 0.0], dtype=F64))
    assert cl.combine(rewards=TWO, how="min").tolist() == [1, 0]
    # log σ(x) = −log(1 + e^−x), at 4 and 1, and at 9 and 0.
    log = lambda x: -math.log1p(math.exp(-x))  # noqa: E731
    wanted = T([log(4) + log(1), log(9) + log(0)], dtype=F64)
    assert_close(cl.combine(rewards=TWO, how="log_sigmoid"), wanted)


def test_weights_and_references_by_hand():
    assert cl.combine(rewards=TWO, weights=[3, 1]).tolist() == [3.25, 6.75]
    assert cl.combine(rewards=TWO, how="sum", weights=[3, 1]).tolist() == [13, 27]
    # 4^(1/4) · 1^(3/4) = √2.
    found = cl.combine(rewards=TWO, how="geometric", weights=[1, 3])
    assert_close(found, T([math.sqrt(2), 0], dtype=F64))
    # An objective of weight 0 is left out: 9^1, not 0.
    assert_close(cl.combine(rewards=TWO, how="geometric", weights=[1, 0])[1], T(9.0, dtype=F64))
    assert cl.combine(rewards=TWO, how="min", weights=[1, 0]).tolist() == [4, 9]
    # At the reference each adds log 1/2.
    found = cl.combine(rewards=TWO[:1], how="log_sigmoid", weights=[2, 1], reference=(4, 1))
    assert_close(found, T([-3 * math.log(2)], dtype=F64))


@pytest.mark.parametrize("how", ["mean", "sum", "geometric", "log_sigmoid", "min"])
def test_a_missing_score_is_left_out(how):
    some = T([[torch.nan, 3.0], [torch.nan, torch.nan]])
    alone = cl.combine(rewards=T([[3.0]]), how=how)
    assert_close(cl.combine(rewards=some, how=how), T([float(alone), 0.0]))


@pytest.mark.parametrize("how", ["mean", "sum", "geometric", "log_sigmoid", "min"])
def test_no_rows_and_no_objectives(how):
    assert cl.combine(rewards=torch.zeros(0, 2), how=how).shape == (0,)
    assert cl.combine(rewards=torch.zeros(2, 0), how=how).tolist() == [0, 0]


def test_refusals(refusal):
    assert refusal(cl.combine, rewards=TWO, weights=[1, -1]) == (
        "combine: `weights` must be one number of at least 0 for each of the 2 objectives, "
        "got [1, -1]."
    )
    assert refusal(cl.combine, rewards=TWO, how="log_sigmoid", reference=[1.0]) == (
        "combine: `reference` must be one number for each of the 2 objectives, got [1.0]."
    )
    assert refusal(cl.combine, rewards=-TWO, how="geometric") == (
        "combine: `rewards` must be at least 0 with how='geometric', got -9."
    )
