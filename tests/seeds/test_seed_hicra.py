"""HICRA is a line over the tokens' credit: more of it where the policy planned."""

from seed_numbers import LATER, assert_complete, cases, compare

RUNS = {"advantage_out": lambda x: x["advantage"] + 0.2 * x["advantage"].abs() * x["planning"]}


def test_every_output_is_compared():
    assert_complete("hicra", RUNS)


@cases(RUNS, LATER)
def test_the_equation(source, name, dtype):
    compare("hicra", source, name, dtype, RUNS[name])
