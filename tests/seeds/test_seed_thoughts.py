"""Thoughts against a loop: runs of turns with one label."""

import torch
from seed_numbers import LATER, assert_complete, cases, compare

from creditlib.inputs.layouts import thoughts


def of_turns(x):
    """The turns themselves as tokens: the thought of each."""
    number = torch.arange(x["label"].shape[1])
    own = torch.where(number < x["turn_count"][:, None], number, -1)
    return thoughts(x["label"], x["turn_count"], own)[0]


RUNS = {
    "thought": of_turns,
    "thought_count": lambda x: thoughts(x["label"], x["turn_count"], x["turn"])[1],
    "turn_of_thoughts": lambda x: thoughts(x["label"], x["turn_count"], x["turn"])[0],
}


def test_every_output_is_compared():
    assert_complete("thoughts", RUNS)


@cases(RUNS, LATER)
def test_the_numbers(source, name, dtype):
    compare("thoughts", source, name, dtype, RUNS[name])
