"""HGPO against the authors' recipe, which computes in float32."""

import pytest
from seed_numbers import assert_complete, cases, compare

import creditlib as cl

pytestmark = pytest.mark.usefixtures("quick_backend")

OPTIONS = {
    "h0": {"history": 0},
    "h1": {"history": 1},
    "h2": {},
    "h2_mean": {"scale": None},
    "h2_alpha2": {"length_weight": 2.0},
    "h1_base": {"history": 1, "base": "turn", "lone": "raw"},
}


def test_every_output_is_compared():
    assert_complete("hgpo", OPTIONS)


@cases(OPTIONS)
def test_the_authors_numbers(source, name, dtype):
    run = lambda given: cl.hgpo(**given, **OPTIONS[name])  # noqa: E731
    compare("hgpo", source, name, dtype, run, "golden, returns in float32")
