"""At a neutral option a weight is exactly 1 wherever it exists, and credit stays as it was."""

import pytest
import torch
from helpers import F64, assert_same

import creditlib as cl
from creditlib import recipes
from creditlib.testing import random_arguments
from creditlib.testing.engine.trial import Trial
from creditlib.testing.laws.weights import units
from creditlib.testing.subject import subject_of

NEUTRAL = [
    ("entropy_weight", {"strength": 0.0}),
    ("entropy_weight", {"strength": 0.0, "conserve": "batch"}),
    ("length_gate", {"weight": 1.0}),
    ("length_gate", {"weight": 1.0, "unsolved": "keep"}),
    ("delta_weight", {"low": 1.0, "high": 1.0}),
    ("delta_weight", {"low": 0.7, "high": 0.7}),
    ("delta_weight", {"low": 1.0, "high": 1.0, "conserve": None}),
    ("future_weight", {"low": 1.0, "high": 1.0}),
]


@pytest.mark.parametrize(("name", "options"), NEUTRAL, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_a_neutral_weight_is_exactly_one_where_a_unit_exists(name, options, dtype):
    function = getattr(cl, name)
    for seed in range(5):
        x = random_arguments(function, seed=seed, dtype=dtype, optional=True)
        weight = function(**x, **options)
        exists = units(Trial(subject_of(name, {}), None, None), x, weight)
        assert_same(weight, exists.to(weight.dtype))


def test_recipes_at_a_neutral_weight_are_grpo():
    x = random_arguments(recipes.adora, seed=2, dtype=F64, optional=True)
    plain = cl.grpo(reward=x["reward"], group=x["group"], valid=x["valid"])
    assert_same(recipes.adora(**x, weight=1.0), plain)
    x = random_arguments(recipes.aem, seed=2, dtype=F64, optional=True)
    plain = cl.grpo(reward=x["reward"], group=x["group"], valid=x["valid"])
    found = recipes.aem(**x, strength=0.0)
    assert_same(found, cl.per_turn(plain, x["turn_count"], 5))
