"""The kit proves that it can fail: no law is without an estimator that it finds out."""

import test_laws_of_calls
import test_laws_of_expectation
import test_laws_of_groups
import test_laws_of_rewards
import test_laws_of_statistics
import test_laws_of_tokens
import test_laws_of_turns
import test_laws_of_weights

from creditlib.testing.laws import LAWS

FILES = (
    test_laws_of_calls,
    test_laws_of_groups,
    test_laws_of_statistics,
    test_laws_of_rewards,
    test_laws_of_tokens,
    test_laws_of_turns,
    test_laws_of_weights,
    test_laws_of_expectation,
)


def test_every_law_has_an_estimator_that_breaks_it():
    cases = [case.law for file in FILES for case in file.CASES]
    assert sorted(cases) == sorted(LAWS)
