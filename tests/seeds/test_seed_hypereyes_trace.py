"""TRACE of HyperEyes against the authors' function, which rounds to four decimals."""

import pytest
import torch
from seed_numbers import LATER, assert_complete, batch, cases, compare

import creditlib as cl
from creditlib import recipes
from creditlib.testing import assert_close

pytestmark = pytest.mark.usefixtures("quick_backend")


def given(x):
    """Calls decide, then searches; rows whose answer could not be read are left out."""
    float_dtype = x["reward"].dtype
    used = torch.stack([x["calls"], x["searches"]], 1)
    allowed = torch.stack([x["reference_calls"], x["reference_searches"]], 1)
    return {
        "solved": x["reward"] == 1,
        "cost": used.to(float_dtype),
        "reference_cost": allowed.to(float_dtype),
        "group": x["group"],
        "tried": x["calls"] > 0,
    }


RUNS = {"bonus": lambda x: cl.efficiency_bonus(**given(x), valid=x["reward"] >= 0)}


def test_every_output_is_compared():
    assert_complete("hypereyes_trace", RUNS)


@cases(RUNS, LATER)
def test_the_numbers(source, name, dtype):
    compare("hypereyes_trace", source, name, dtype, RUNS[name], "golden, four decimals")


@pytest.mark.parametrize("source", LATER)
def test_the_recipe_adds_the_bonus_before_the_z_score(source):
    x, _ = batch("hypereyes_trace", source)
    read = x["reward"] >= 0
    found = recipes.hypereyes(reward=x["reward"], **given(x), valid=read)
    shaped = x["reward"] + RUNS["bonus"](x)
    assert_close(found, cl.grpo(reward=shaped, group=x["group"], valid=read))
