"""MT-GRPO against the authors' functions, which compute in float32 on tokens."""

import pytest
import torch
from seed_numbers import LATER, assert_complete, cases, compare

import creditlib as cl
from creditlib import recipes

pytestmark = pytest.mark.usefixtures("quick_backend")


def advantage(x):
    """Their rewards of turns are one number a row: it lies on the first turn here.

    A row without tokens has rewards all the same, so it has a turn that no token reads.
    """
    turns = int(x["turn"].max()) + 1
    turn_reward = torch.zeros(len(x["reward"]), turns, dtype=x["reward"].dtype)
    turn_reward[:, 0] = x["turn_total"]
    credit = recipes.mt_grpo(
        reward=x["reward"],
        turn_reward=turn_reward,
        group=x["group"],
        boundary=x["boundary"],
        turn_count=cl.layouts.count_turns(x["turn"]).clamp(min=1),
    )
    return cl.to_tokens(credit, x["turn"])


RUNS = {"advantage": advantage}


def test_every_output_is_compared():
    assert_complete("mt_grpo", RUNS)


@cases(RUNS, LATER)
def test_the_authors_numbers(source, name, dtype):
    compare("mt_grpo", source, name, dtype, RUNS[name], "golden")
