"""VPR against the authors' text, retyped in float64; it was not run."""

import pytest
from seed_numbers import assert_complete, cases, compare

import creditlib as cl
from creditlib import recipes

pytestmark = pytest.mark.usefixtures("quick_backend")


def trained(x):
    last = cl.outcome_at_last_turn(
        reward=x["solved"], turn_count=x["turn_count"], turns=x["anchor"].shape[1]
    )
    x = {key: value for key, value in x.items() if key != "solved"}
    return cl.contrast(**{**x, "turn_reward": x["turn_reward"] + last})


RUNS = {
    "credit": lambda x: recipes.vpr(**x),
    "trained": trained,
    "whitened": lambda x: recipes.vpr(**x, whiten_batch=True),
    "by_index": lambda x: recipes.vpr(**{**x, "anchor": None}),
}


def test_every_output_is_compared():
    assert_complete("vpr", RUNS)


@cases(RUNS)
def test_the_numbers(source, name, dtype):
    compare("vpr", source, name, dtype, RUNS[name])
