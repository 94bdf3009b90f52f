"""HABC against its equation."""

from seed_numbers import LATER, assert_complete, cases, compare

from creditlib import recipes

RUNS = {"weight": lambda x: recipes.habc_weight(**x)}


def test_every_output_is_compared():
    assert_complete("habc", RUNS)


@cases(RUNS, LATER)
def test_the_equation(source, name, dtype):
    compare("habc", source, name, dtype, RUNS[name])
