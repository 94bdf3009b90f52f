import re

import pytest

from creditlib.testing.law import Law, law, link
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


def test_an_unknown_project_has_no_address():
    with pytest.raises(KeyError):
        link("nobody#1")
