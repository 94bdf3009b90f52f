"""MICA against a loop of the equations; no code of the authors could be had."""

import pytest
from seed_numbers import assert_complete, cases, compare

import creditlib as cl
from creditlib import recipes

pytestmark = pytest.mark.usefixtures("quick_backend")


def turns(x):
    return {key: x[key] for key in ("turn_reward", "group", "turn_count")}


OPTIONS = {"order": "sum_then_score", "ddof": 0, "eps": 1e-8}
RUNS = {
    "credit": lambda x: recipes.mica(**turns(x), gamma=0.95),
    "credit_long": lambda x: recipes.mica(**turns(x), alpha=0.7),
    "turn": lambda x: cl.grpo_process(**turns(x), over="turn", gamma=0.95, **OPTIONS),
    "pool": lambda x: cl.grpo_process(**turns(x), gamma=0.0, **OPTIONS),
}


def test_every_output_is_compared():
    assert_complete("mica", RUNS)


@cases(RUNS)
def test_the_numbers(source, name, dtype):
    compare("mica", source, name, dtype, RUNS[name])
