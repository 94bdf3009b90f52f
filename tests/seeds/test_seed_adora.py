"""ADORA against the authors' functions, which compute in float32."""

import pytest
from seed_numbers import LATER, assert_complete, cases, compare

import creditlib as cl
from creditlib import presets, recipes

pytestmark = pytest.mark.usefixtures("quick_backend")


def rows(x):
    return {name: x[name] for name in ("solved", "length", "group", "truncated")}


RUNS = {
    "llm": lambda x: recipes.adora(**rows(x), reward=x["reward"], **presets.ADORA_LLM),
    "llm_weight": lambda x: cl.length_gate(**rows(x)).to(x["reward"].dtype),
    "vl_weight": lambda x: cl.length_gate(**rows(x), unsolved=presets.ADORA_VL["unsolved"]).to(
        x["reward"].dtype
    ),
}


def test_every_output_is_compared():
    assert_complete("adora", RUNS)


@cases(RUNS, LATER)
def test_the_authors_numbers(source, name, dtype):
    compare("adora", source, name, dtype, RUNS[name], "golden, returns in float32")
