"""docs/survey.md: every function that it names resolves, every number is compared, lines run."""

import doctest
import re

import pytest

from docs.print_pages import survey
from docs.print_pages.survey import problems, result_of, thing
from docs.print_pages.survey_methods import LATER, SURVEY, Method


@pytest.fixture
def also(monkeypatch):
    """The page with one more method."""

    def add(**fields):
        given = {"name": "New", "title": "", "arxiv": "", "answer": "have", **fields}
        monkeypatch.setattr(survey, "SURVEY", [Method(**given)])
        monkeypatch.setattr(survey, "LATER", [])
        monkeypatch.setattr(survey, "IDEAS", [])
        return problems()

    return add


def test_every_claim_is_true():
    assert problems() == []


def test_all_methods_of_the_survey_are_answered():
    assert len(SURVEY) == 47
    names = [each.name for each in (*SURVEY, *LATER)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"\d{4}\.\d{5}", each.arxiv) for each in SURVEY)
    assert all(each.title for each in SURVEY)
    assert "not read" not in {each.answer for each in SURVEY}


@pytest.mark.parametrize("number", [(1, "VinePPO"), (24, "C3"), (33, "iStar"), (47, "Dr. MAS")])
def test_the_numbers_are_those_of_the_survey(number):
    at, name = number
    assert SURVEY[at - 1].name == name


def test_the_page_holds_a_row_for_each_method():
    page = survey.page()
    for number, each in enumerate(SURVEY, 1):
        assert f"| {number} | [{each.name}: " in page
    assert all(f"| {each.name}" in page or f"| [{each.name}" in page for each in LATER)


def test_names_are_found_at_their_place():
    assert thing("grpo").__name__ == "grpo"
    assert thing("dr_mas").__module__.startswith("creditlib.recipes")
    assert thing("algebra.relative").__name__ == "relative"
    with pytest.raises(AttributeError):
        thing("attention_flow")


def test_a_line_prints_what_it_computes():
    capo = next(each for each in SURVEY if each.name == "CAPO")
    # Outcomes 1 and 0 against each other: 2 and -2; the first step of row 1 is wrong.
    assert "".join(result_of(capo).split()) == "tensor([[2.,2.],[-3.,-2.]])"


def test_helpers_of_the_page_do_what_they_say():
    found = doctest.testmod(survey)
    assert (found.failed, found.attempted) == (0, 1)


# --- the check can fail ---------------------------------------------------------------------------


WRONG = {
    "New: flow does not resolve": {"names": ("flow",), "note": "why"},
    "New: no test reads nowhere": {"names": ("grpo",), "golden": ("nowhere",)},
    "New: no test reads official": {"names": ("r3l",), "golden": ("official",)},
    "New: no function, and 1 functions": {
        "answer": "no function",
        "names": ("grpo",),
        "note": "why",
    },
    "New: composition, and the line ''": {
        "answer": "composition",
        "names": ("grpo",),
        "note": "why",
    },
    "New: the line does not run": {
        "answer": "composition",
        "names": ("grpo",),
        "line": "cl.grpo(reward)",
        "note": "why",
    },
    "New: the line calls none of grpo": {
        "answer": "composition",
        "names": ("grpo",),
        "line": "reward",
        "note": "why",
    },
    "New: no numbers and no word on why": {"names": ("grpo",)},
}


@pytest.mark.parametrize("sentence", WRONG)
def test_a_wrong_claim_is_noticed(also, sentence):
    assert also(**WRONG[sentence]) == [sentence]


def test_a_paper_that_stands_twice_is_noticed(monkeypatch):
    monkeypatch.setattr(survey, "LATER", [*LATER, SURVEY[0]._replace(name="New")])
    assert problems() == ["2410.01679 stands twice"]
