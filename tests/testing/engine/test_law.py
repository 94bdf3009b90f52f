import re

import pytest

from creditlib.testing.engine.law import TIERS, Law, law, link
from creditlib.testing.engine.runner import run_law
from creditlib.testing.laws import LAWS
from creditlib.testing.subject import subject_of


def check(trial):
    """A sentence about credit."""
    trial.batch()


def test_a_law_has_the_name_and_the_sentence_of_its_check():
    made = law("TRL#1", needs=("group",), kind="some")(check)
    assert made == Law(
        "check", "A sentence about credit.", ("TRL#1",), check, ("group",), None, "some"
    )


@pytest.mark.parametrize("each", LAWS.values(), ids=LAWS)
def test_every_law_is_one_sentence_and_names_threads_that_can_be_opened(each):
    assert each.sentence.endswith(".")
    assert "\n" not in each.sentence
    for bug in each.bugs:
        assert re.fullmatch(r"https://github\.com/[\w-]+/[\w.-]+/issues/\d+", link(bug))


def test_a_law_applies_where_its_tensors_and_its_condition_are_met():
    rloo, gae = subject_of("rloo", {}), subject_of("gae", {})
    assert law(needs=("group",))(check).applies(rloo)
    assert not law(needs=("group",))(check).applies(gae)
    assert not law(needs=("group",), when=lambda subject: subject.factor)(check).applies(rloo)


def test_every_law_has_a_tier_and_a_users_law_is_an_invariance(refusal):
    counts = {tier: sum(law.tier == tier for law in LAWS.values()) for tier in TIERS}
    assert min(counts.values()) >= 8
    assert sum(counts.values()) == len(LAWS)
    assert law()(check).tier == "invariance"
    assert law(tier="property")(check).tier == "property"
    assert refusal(law, tier="must") == (
        "law: `tier` must be one of 'contract', 'invariance', 'property', got 'must'."
    )


def test_a_law_that_has_to_be_seen_says_how_many_batches_it_needs():
    assert all((law.finish is None) == (law.minimum == 0) for law in LAWS.values())


def test_an_unknown_project_and_a_note_stay_as_they_are():
    assert link("nobody#1") == "nobody#1"
    assert link("our notes of May") == "our notes of May"
    assert link("me/mine#3") == "https://github.com/me/mine/issues/3"


def test_the_first_paragraph_is_the_sentence_and_a_name_stands_in_for_none():
    def two_rows_are_equal(trial):
        """Two rows
        are equal.

        More about it.
        """

    assert law()(two_rows_are_equal).sentence == "Two rows are equal."
    two_rows_are_equal.__doc__ = None
    assert law()(two_rows_are_equal).sentence == "two rows are equal."


def test_a_law_is_finished_with_what_its_examples_collected():
    def check(trial):
        trial.with_effect.add("reward")

    def finish(subject, with_effect, examples):
        missing = set(subject.tensors) - with_effect - {"valid"}
        return f"{missing.pop()} is missing in {examples} batches" if missing else ""

    made = law(kind="some", finish=finish)(check)
    verdict = run_law(made, subject_of("rloo", {}), examples=1)
    assert (verdict.state, verdict.sentence) == ("broken", "group is missing in 1 batches")
    assert run_law(made, subject_of("discounted_return", {}), examples=1).state == "broken"
