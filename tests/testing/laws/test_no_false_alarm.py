"""Estimators that are right are found faultless, whatever the seed."""

import pytest

from creditlib.testing.laws import LAWS
from creditlib.testing.running import put_all
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
# That an argument matters takes more batches than a run has here.
EACH = [law for law in LAWS.values() if law.kind != "some"]


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_estimator_breaks_nothing_with_any_seed(name):
    subject = subject_of(name, {})
    mine = [seed for seed in SEEDS if seed % len(RIGHT) == RIGHT.index(name)]
    for seed in mine:
        report = put_all(subject, laws=EACH, skip={}, examples=3, seed=seed)
        assert not report.broken, (seed, str(report))
        assert len(report.of("kept")) > len(report.of("untried"))


def test_every_seed_is_run():
    runs = [seed for n in range(len(RIGHT)) for seed in SEEDS if seed % len(RIGHT) == n]
    assert sorted(runs) == list(SEEDS)
