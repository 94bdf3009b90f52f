"""Sampled Shapley values against a loop of the equation."""

import pytest
from seed_numbers import LATER, assert_complete, cases, compare

import creditlib as cl

pytestmark = pytest.mark.usefixtures("quick_backend")


def credit(x):
    given = {"coalition_value": x["coalition_value"], "turn_count": x["turn_count"]}
    return cl.shapley(join_order=x["order"], **given)


RUNS = {"credit": credit}


def test_every_output_is_compared():
    assert_complete("shapley", RUNS)


@cases(RUNS, LATER)
def test_the_numbers(source, name, dtype):
    compare("shapley", source, name, dtype, RUNS[name])
