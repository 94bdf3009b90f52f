"""Several rewards as one: GTAlign's and Sotopia-RL's expressions; log_sigmoid by equation."""

import pytest
import torch
from seed_numbers import LATER, assert_complete, cases, compare

import creditlib as cl
from creditlib import recipes
from creditlib.algebra import group_max

pytestmark = pytest.mark.usefixtures("quick_backend")


def minmax_by_source(x):
    g = cl.combine(rewards=x["rewards"], how="geometric")
    every = torch.ones_like(x["source"], dtype=torch.bool)
    low, high = -group_max(-g, x["source"], where=every), group_max(g, x["source"], where=every)
    return (g - low) / torch.where(high > low, high - low, 1.0)


def minmax_mean(x):
    """Sotopia-RL's outcome: what the recipe cuts into turns, with one turn each."""
    one = torch.ones_like(x["rewards"][:, :1])
    count = torch.ones_like(x["source"])
    return recipes.sotopia(rewards=x["rewards"], share=one, turn_count=count)[:, 0]


RUNS = {
    "geometric": lambda x: cl.combine(rewards=x["rewards"], how="geometric"),
    "log_sigmoid": lambda x: cl.combine(
        rewards=x["rewards"], how="log_sigmoid", reference=x["reference"].tolist()
    ),
    "minimum": lambda x: cl.combine(rewards=x["rewards"], how="min"),
    "zscore_by_source": lambda x: recipes.gtalign(rewards=x["rewards"], group=x["source"]),
    "minmax_by_source": minmax_by_source,
    "minmax_mean": minmax_mean,
}


def test_every_output_is_compared():
    assert_complete("combine", RUNS)


@cases(RUNS, LATER)
def test_the_numbers(source, name, dtype):
    compare("combine", source, name, dtype, RUNS[name])
