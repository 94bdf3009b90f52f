"""Turns among peers: every combination of over, order, ended and leave_out, from the equation."""

import pytest
from seed_numbers import assert_complete, cases, compare

import creditlib as cl

pytestmark = pytest.mark.usefixtures("quick_backend")

SUM = {"order": "sum_then_score"}
ENDED = {"over": "turn", "ended": "zero", "scale": None}
OPTIONS = {
    "anchor_sum": {"over": "anchor", "gamma": 0.95, **SUM},
    "batch_turn": {"over": "turn_of_batch", "gamma": 0.0, "ddof": 0, **SUM},
    "group_now_loo_turn": {"gamma": 0.0, "scale": None, "leave_out": "turn", **SUM},
    "group_score": {"gamma": 0.9},
    "group_sum": {"gamma": 0.9, **SUM},
    "group_sum_loo": {"scale": None, "leave_out": "trajectory", **SUM},
    "turn_score": {"over": "turn", "gamma": 0.9},
    "turn_score_ended": ENDED,
    "turn_sum": {"over": "turn", "gamma": 0.9, **SUM},
    "turn_sum_ended": ENDED | SUM,
    "turn_sum_loo_ended": ENDED | SUM | {"leave_out": "trajectory"},
    "turn_sum_raw": {"over": "turn", "gamma": 0.9, "lone": "raw", **SUM},
}


def test_every_output_is_compared():
    assert_complete("turn_scores", OPTIONS)


@cases(OPTIONS)
def test_the_equation(source, name, dtype):
    run = lambda given: cl.grpo_process(**given, **OPTIONS[name])  # noqa: E731
    compare("turn_scores", source, name, dtype, run)
