"""Lite-PPO against a loop of the equation, with both deviations of the batch."""

import pytest
from seed_numbers import LATER, assert_complete, cases, compare

import creditlib as cl
from creditlib import presets

pytestmark = pytest.mark.usefixtures("quick_backend")


def rows(x):
    return {"reward": x["reward"], "group": x["group"]}


RUNS = {
    "raw": lambda x: cl.grpo(**rows(x), **presets.LITE_PPO_RAW),
    "centered": lambda x: cl.grpo(**rows(x), **presets.LITE_PPO_CENTERED),
}


def test_every_output_is_compared():
    assert_complete("lite_ppo", RUNS)


@cases(RUNS, LATER)
def test_the_numbers(source, name, dtype):
    compare("lite_ppo", source, name, dtype, RUNS[name])
