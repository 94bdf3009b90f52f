"""iStar against the authors' functions; `pooled` and `normed` against their equations."""

import pytest
import torch
from seed_numbers import assert_complete, cases, compare

from creditlib import presets, recipes

pytestmark = pytest.mark.usefixtures("quick_backend")


def combined(x):
    """The reward plus the weighted step, compared with those of the first turns."""
    both = x["reward"][:, None] + x["turn_reward"]
    zero = torch.zeros_like(x["reward"])
    return recipes.istar(**{**x, "reward": zero, "turn_reward": both}, **presets.ISTAR_OFFICIAL)


RUNS = {
    "rloo": lambda x: recipes.istar(**x, **presets.ISTAR_OFFICIAL),
    "mean": lambda x: recipes.istar(**x, **presets.ISTAR_MEAN),
    "mean_std": lambda x: recipes.istar(**x, **presets.ISTAR_GRPO),
    "pooled": lambda x: recipes.istar(**x, lone="raw"),
    "normed": lambda x: x["turn_reward"] / (x["turn_reward"].abs().max() + 1e-6),
    "combined": combined,
}


def test_every_output_is_compared():
    assert_complete("istar", RUNS)


@cases(RUNS)
def test_the_numbers(source, name, dtype):
    compare("istar", source, name, dtype, RUNS[name], "golden" if name == "mean_std" else None)
