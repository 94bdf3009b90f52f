"""The overlong penalty with and without a floor, by the expressions of DAPO and Open-AgentRL."""

import pytest
from seed_numbers import LATER, assert_complete, cases, compare

import creditlib as cl
from creditlib import presets

pytestmark = pytest.mark.usefixtures("quick_backend")


def penalty(x, dtype, **options):
    given = {"length": x["length"].to(dtype), "limit": 100, "buffer": 20}
    return cl.overlong_penalty(**given, **options)


RUNS = {"clipped": {}, "growing": presets.VERL_OVERLONG}


def test_every_output_is_compared():
    assert_complete("overlong", RUNS)


@cases(RUNS, LATER)
def test_the_numbers(source, name, dtype):
    run = lambda x: penalty(x, dtype, **RUNS[name])  # noqa: E731
    compare("overlong", source, name, dtype, run, "golden")
