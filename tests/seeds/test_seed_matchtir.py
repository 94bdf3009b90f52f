"""MatchTIR against the authors' function, which computes statistics in float32."""

import pytest
from seed_numbers import assert_complete, cases, compare

import creditlib as cl
from creditlib import presets, recipes

pytestmark = pytest.mark.usefixtures("quick_backend")

RUNS = {
    "credit": lambda x: recipes.matchtir(**x, **presets.MATCHTIR),
    "trajectory": lambda x: cl.grpo(
        reward=x["turn_reward"].nan_to_num().sum(1), group=x["group"], valid=x["valid"], lone="raw"
    ),
}


def test_every_output_is_compared():
    assert_complete("matchtir", RUNS)


@cases(RUNS)
def test_the_numbers(source, name, dtype):
    compare("matchtir", source, name, dtype, RUNS[name], "golden")
