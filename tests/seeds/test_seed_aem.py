"""AEM against its equation, over the group and over the batch."""

import pytest
from seed_numbers import LATER, assert_complete, batch, cases, compare

import creditlib as cl
from creditlib import recipes
from creditlib.testing import assert_close

pytestmark = pytest.mark.usefixtures("quick_backend")


def turns(x):
    return {name: x[name] for name in ("turn_entropy", "turn_count")}


RUNS = {
    "weight_group": lambda x: cl.entropy_weight(**turns(x), group=x["group"]),
    "weight_batch": lambda x: cl.entropy_weight(**turns(x), group=x["group"], conserve="batch"),
}


def test_every_output_is_compared():
    assert_complete("aem", RUNS)


@cases(RUNS, LATER)
def test_the_equation(source, name, dtype):
    compare("aem", source, name, dtype, RUNS[name])


@pytest.mark.parametrize("source", LATER)
def test_the_entropy_of_a_turn_is_the_mean_of_its_tokens(source):
    x, _ = batch("aem", source)
    sums = cl.turn_sum(x["entropy"], x["turn"], x["turn_entropy"].shape[1])
    assert_close(sums / x["turn_length"].clamp(min=1), x["turn_entropy"])


@pytest.mark.parametrize("source", LATER)
def test_the_recipe_is_grpo_times_the_weight(source):
    x, y = batch("aem", source)
    reward = (x["turn_count"] % 3).double()
    found = recipes.aem(reward=reward, group=x["group"], **turns(x))
    credit = cl.grpo(reward=reward, group=x["group"])
    assert_close(found, credit[:, None] * y["weight_group"])
