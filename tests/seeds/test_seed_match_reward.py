"""Matching: greedy as the authors' function, exact as SciPy, transport as its equation."""

import pytest
import torch
from seed_numbers import assert_complete, batch, cases, compare

import creditlib as cl


def rewards(x, **options):
    given = {key: x[key] for key in ("similarity", "call_count", "target_count")}
    return cl.match_reward(**given, **options)


def of_turns(x):
    """The mean over the calls of a turn, and the score of the answer at the last turn."""
    turns, call_turn = int(x["turns"]), x["call_turn"]
    total = cl.turn_sum(rewards(x, how="greedy"), call_turn, turns)
    count = cl.turn_sum(torch.ones_like(total[:, :1]).expand(call_turn.shape), call_turn, turns)
    return total / count.clamp(min=1)


RUNS = {
    "exact": rewards,
    "greedy": lambda x: rewards(x, how="greedy"),
    "greedy_penalty": lambda x: rewards(x, how="greedy", unmatched=-0.5),
    "transport": lambda x: rewards(x, how="transport"),
    "turn_reward": of_turns,
}


def test_every_output_is_compared():
    assert_complete("match_reward", RUNS)


@cases(RUNS)
def test_the_numbers(source, name, dtype):
    compare("match_reward", source, name, dtype, RUNS[name])


@pytest.mark.parametrize("source", [11, 12])
def test_greedy_is_never_above_the_optimum(source):
    inputs, _ = batch("match_reward", source)
    assert (rewards(inputs).sum(1) >= rewards(inputs, how="greedy").sum(1) - 1e-12).all()
