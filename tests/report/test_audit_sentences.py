import pytest
from audit_by_hand import MINE, ONE, audit, quality

from creditlib.audit.learning_curves import DifferenceRow
from creditlib.audit.result import Tiers
from creditlib.audit.rows import ExactRow, QualityRow
from creditlib.report.audit_sentences import general_sentences, task_sentences


def of(task="key", **changes):
    return dict(task_sentences(audit(**changes)))[task]


def test_a_sentence_a_task():
    assert of("key") == (
        "Its gradient points along the true one (cosine 1.000 [0.990, 1.000]). "
        "It has 50 % of the oracle's uSNR: it needs 2 times as many groups. "
        "hack has more (90 %). "
        "After 20 updates of its own training the cosine is -0.25: the policy is led away from the "
        "reward. It learns faster than all others (area 0.800, rloo 0.500)."
    )
    assert of("door") == (
        "The groups do not tell whether its gradient is biased (cosine 0.950 [0.850, 1.000]). "
        "It has 50 % of the oracle's uSNR: it needs 2 times as many groups. "
        "The intervals do not tell it from rloo (40 %). 20 % of the groups have no gradient."
    )


@pytest.mark.parametrize(
    ("cosine", "words"),
    [
        ((0.5, 0.4, 0.6), "Its gradient is biased: it climbs something else too"),
        ((-0.5, -0.6, -0.4), "Its gradient is biased and does not even climb"),
        ((0.8, 0.5, 1.0), "The groups do not tell whether"),
        ((0.95, 0.92, 0.98), "Its gradient is close to the true one"),
        ((None, None, None), "The direction of its mean gradient is lost in the noise."),
    ],
)
def test_directions(cosine, words):
    rows = quality("key", (0.5, 0.4, 0.6), cosine, (0.0, 0.0, 0.0))
    assert of(own=Tiers(quality=tuple(rows))).startswith(words)


def test_numbers_have_no_exponent():
    rows = quality("key", (0.0083, 0.0083, 0.0083), ONE, (0.999, 0.99, 1.0))
    text = of(own=Tiers(quality=tuple(rows)))
    assert "it needs 120 times as many groups" in text
    assert "99.9 % of the groups" in text


def test_a_small_difference_of_areas_is_none():
    apart = (DifferenceRow("key", "rloo", -0.005, -0.006, -0.004),)
    assert "It learns as fast as the others" in of(differences=apart)
    apart = (DifferenceRow("key", "rloo", 0.2, 0.1, 0.3),)
    assert "It learns more slowly than rloo" in of(differences=apart)


def test_what_holds_for_all_tasks():
    assert general_sentences(audit()) == [
        "Not audited on search: no `information_gain` there.",
        "Over all groups of 2 and 3 the worst cosine of its expected gradient is 0.9000 "
        "(key, groups of 2).",
        "Groups of 3 instead of 2 change the signal over noise of a trajectory by +50 % on the "
        "tiny tasks.",
        "10 groups of 8 on each task, 2 seeds of learning, seed 0; 0.0 s.",
    ]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (ExactRow("key", 2, 1.0, 1.0, 1e-16), "is exactly the true one"),
        (ExactRow("key", 2, 1.0, 0.5, 0.1), "is along the true one, scaled"),
        (ExactRow("key", 2, None, 0.0, 0.1), "is 0."),
    ],
)
def test_the_expected_gradient(row, words):
    found = general_sentences(audit(own=Tiers(exact=(row,), quality=MINE.quality)))
    assert words in found[0]


def test_an_undefined_number_is_left_out():
    rows = [QualityRow("key", "usnr_over_oracle", None, None, None)]
    assert of(own=Tiers(quality=tuple(rows)), learning=(), differences=()) == (
        "The direction of its mean gradient is lost in the noise."
    )
