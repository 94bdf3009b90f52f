"""CAPO's votes and rewards against a loop; the authors' normalizer is not published."""

import pytest
from seed_numbers import LATER, assert_complete, cases, compare

import creditlib as cl

pytestmark = pytest.mark.usefixtures("quick_backend")

CORRECT, PENALTY = 2.0, 1.0


def blame(x):
    """What a step costs that all critiques judge wrong."""
    return PENALTY * x["wrong"].all(-1)


def turn_reward(x):
    turns = x["wrong"].shape[1]
    return cl.per_turn(CORRECT * x["reward"], x["turn_count"], turns) - blame(x)


def credit(x):
    """Our reading: only the outcome has a baseline."""
    outcome = cl.rloo(reward=CORRECT * x["reward"], group=x["group"])
    return cl.per_turn(outcome, x["turn_count"], x["wrong"].shape[1]) - blame(x)


RUNS = {
    "wrong_all": lambda x: x["wrong"].all(-1),
    "wrong_majority": lambda x: 2 * x["wrong"].sum(-1) > x["wrong"].shape[-1],
    "turn_reward": turn_reward,
    "credit": credit,
}


def test_every_output_is_compared():
    assert_complete("capo", RUNS)


@cases(RUNS, LATER)
def test_the_numbers(source, name, dtype):
    compare("capo", source, name, dtype, RUNS[name])
