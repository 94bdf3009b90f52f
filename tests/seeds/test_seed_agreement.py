"""Agreement against a loop of the equations: EMPO's share, TTRL's majority, SIOP's evidence."""

import pytest
from seed_numbers import assert_complete, cases, compare

import creditlib as cl

pytestmark = pytest.mark.usefixtures("quick_backend")


def rows(x):
    return {"answer": x["answer"], "group": x["group"]}


RUNS = {
    "share": lambda x: cl.agreement(**rows(x)).to(x["evidence"].dtype),
    "majority": lambda x: cl.agreement(**rows(x), how="majority").to(x["evidence"].dtype),
    "calibrated": lambda x: cl.agreement(**x),
}


def test_every_output_is_compared():
    assert_complete("agreement", RUNS)


@cases(RUNS)
def test_the_numbers(source, name, dtype):
    compare("agreement", source, name, dtype, RUNS[name])
