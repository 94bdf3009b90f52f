"""SPA-RL against lines of the authors' code, restated in float64."""

import pytest
from seed_numbers import LATER, assert_complete, cases, compare

from creditlib import presets, recipes

pytestmark = pytest.mark.usefixtures("quick_backend")


def turn_reward(x):
    rows = {name: x[name] for name in ("reward", "group", "grounded", "turn_count")}
    return recipes.spa_rl(**rows, **presets.SPA_RL)


RUNS = {"turn_reward": turn_reward}


def test_every_output_is_compared():
    assert_complete("spa_rl", RUNS)


@cases(RUNS, LATER)
def test_the_numbers(source, name, dtype):
    compare("spa_rl", source, name, dtype, RUNS[name])
