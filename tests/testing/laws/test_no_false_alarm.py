"""Estimators that are right are found faultless, whatever the seed."""

import pytest

from creditlib.testing.engine.runner import run_laws
from creditlib.testing.laws import LAWS
from creditlib.testing.subject import subject_of

RIGHT = (
    "rloo",
    "grpo",
    "gigpo",
    "gae",
    "pure",
    "remax",
    "duration_weight",
    "completion_weight",
    "discounted_return",
    "opo",
)
SEEDS = range(1, 201)
FEW_SEEDS = 2  # of each estimator, for each change
# The law that every argument has an effect needs more batches than a run has here.
EACH = [law for law in LAWS.values() if law.kind != "some"]


def seeds_of(name):
    """The seeds of one estimator: each seed belongs to one."""
    return [seed for seed in SEEDS if seed % len(RIGHT) == RIGHT.index(name)]


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_estimator_breaks_nothing_with_a_few_seeds(name):
    assert_nothing_broken(name, seeds_of(name)[:FEW_SEEDS])


@pytest.mark.nightly
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_estimator_breaks_nothing_with_any_seed(name):
    assert_nothing_broken(name, seeds_of(name)[FEW_SEEDS:])


def assert_nothing_broken(name, seeds):
    subject = subject_of(name, {})
    for seed in seeds:
        report = run_laws(subject, laws=EACH, skip={}, examples=3, seed=seed)
        assert not report.broken, (seed, str(report))
        assert len(report.of("kept")) > len(report.of("untried"))


def test_every_seed_is_run():
    assert sorted(seed for name in RIGHT for seed in seeds_of(name)) == list(SEEDS)
