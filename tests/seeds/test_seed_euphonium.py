"""Euphonium against the authors' block of code, by the lines of docs/which_estimator.md."""

import pytest
from seed_numbers import assert_complete, cases, compare

import creditlib as cl

pytestmark = pytest.mark.usefixtures("quick_backend")


def outcome(x):
    return cl.grpo(reward=x["reward"], group=x["group"], eps=1e-8)


def process(x):
    given = {name: x[name] for name in ("turn_reward", "group", "turn_count")}
    return cl.grpo_process(**given, over="turn", gamma=0.0, eps=1e-8)


def kept(x, n=6):
    """The n/2 best and the n/2 worst rows of the whole batch, by outcome credit."""
    rank = outcome(x).argsort().argsort()
    return (rank < n // 2) | (rank >= len(rank) - n // 2)


RUNS = {"outcome": outcome, "process": process, "kept": kept}


def test_every_output_is_compared():
    assert_complete("euphonium", RUNS)


@cases(RUNS)
def test_the_numbers(source, name, dtype):
    compare("euphonium", source, name, dtype, RUNS[name])
