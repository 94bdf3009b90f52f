"""The laws of credit, put to what verl's registry holds, called as verl calls it."""

import pytest

from creditlib.integrations.verl.registry import estimator
from creditlib.testing import conformance_report
from creditlib.testing.engine.declarations import declared
from creditlib.testing.subject import subject_of

# Broken by the convention, whatever the estimator.
BY_CONVENTION = {
    "results_fit_their_inputs": "advantages are float32, whatever rewards are",
    "missing_tensors_are_refused": "verl passes all that it has to every estimator",
    "unknown_options_are_refused": "verl passes keywords of its own",
    "every_argument_is_heard": "verl passes all that it has to every estimator",
    "padding_changes_nothing": "a reward counts wherever it lies, verl tells no padding",
    "long_trajectories_do_not_outvote_short_ones": "a row that wrote nothing was rejected",
    "an_earlier_turn_changes_nothing_later": "an outcome is the sum of a row's rewards",
}
NAMES = ["grpo", "pass_at_k", "reinforce_plus_plus_baseline"]
NAMES += [pytest.param(name, marks=pytest.mark.nightly) for name in ("rloo", "opo", "gpg", "maxrl")]


def by_design(name):
    """What the method breaks with its default options."""
    return declared(subject_of(name, {}))


@pytest.mark.parametrize("name", NAMES)
def test_an_estimator_keeps_in_verl_what_it_keeps_outside(name):
    function = estimator(f"creditlib_{name}")
    skip = BY_CONVENTION | by_design(name)
    report = conformance_report(function, signature="verl", skip=skip, examples=25)
    assert [verdict.law.name for verdict in report.broken] == []


def test_a_convention_that_is_not_broken_would_be_noticed():
    """The exceptions above are needed: each is broken by some estimator."""
    report = conformance_report(
        estimator("creditlib_grpo"), signature="verl", laws=list(BY_CONVENTION)
    )
    assert {verdict.law.name for verdict in report.broken} == set(BY_CONVENTION)
