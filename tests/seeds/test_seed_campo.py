"""CAMPO against the authors' functions: the share of a loop, the penalty, and the credit."""

import pytest
import torch
from seed_numbers import LATER, assert_complete, batch, cases, compare

import creditlib as cl
from creditlib import presets, recipes

pytestmark = pytest.mark.usefixtures("quick_backend")


def tokens(x):
    """Each row fills its width: the policy wrote all of it."""
    return {"token_ids": x["tokens"], "turn": torch.zeros_like(x["tokens"])}


def share(x):
    return cl.repeated_tail(**tokens(x))


RUNS = {
    "penalised": lambda x: (
        x["reward"] - 0.1 * (x["truncated"] & (share(x) > 0)).to(x["reward"].dtype)
    ),
    "credit": lambda x: recipes.campo(
        **{key: x[key] for key in ("reward", "group", "truncated")}, **tokens(x), **presets.CAMPO
    ),
}
# Integers in, float32 out.
IN_SINGLE = {"ratio": lambda x: share(x).to(x["reward"].dtype)}


def test_every_output_is_compared():
    assert_complete("campo", {**RUNS, **IN_SINGLE})


@cases(RUNS, LATER)
def test_the_numbers(source, name, dtype):
    compare("campo", source, name, dtype, RUNS[name], "golden")


@cases(IN_SINGLE, LATER)
def test_the_share_of_a_loop(source, name, dtype):
    compare("campo", source, name, dtype, IN_SINGLE[name], "golden")


@pytest.mark.parametrize("source", LATER)
def test_a_cap_above_every_phrase_changes_nothing(source):
    x, _ = batch("campo", source)
    assert torch.equal(cl.repeated_tail(**tokens(x), most_phrase=12), share(x))
