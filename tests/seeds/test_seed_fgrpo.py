"""F-GRPO (factorized) against a loop of the equations; no code was released."""

import pytest
from seed_numbers import assert_complete, cases, compare

from creditlib import recipes

pytestmark = pytest.mark.usefixtures("quick_backend")

RUNS = {
    "credit": lambda x: recipes.fgrpo(**x),
    "credit_half": lambda x: recipes.fgrpo(**x, later_weight=0.5),
}


def test_every_output_is_compared():
    assert_complete("fgrpo", RUNS)


@cases(RUNS)
def test_the_numbers(source, name, dtype):
    compare("fgrpo", source, name, dtype, RUNS[name])
