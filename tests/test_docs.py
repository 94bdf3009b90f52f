"""The documents: printed pages are as printed, links lead somewhere, examples run."""

import doctest
import re
from pathlib import Path

import pytest

from docs.print_pages import functions, papers
from docs.print_pages.pages import PAGES
from docs.site.stage import OUTSIDE

ROOT = Path(__file__).parents[1]
OTHERS = [ROOT / name for name in OUTSIDE]
DOCUMENTS = sorted({*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *OTHERS})
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def relative(path):
    return str(path.relative_to(ROOT))


def examples(text):
    return len(re.findall(r"^ *>>> ", text, re.MULTILINE))


def anchors(text):
    """The anchors of the headings of a page, as GitHub and the site make them."""
    found = []
    for heading in re.findall(r"^#+ (.*)$", FENCED.sub("", text), re.MULTILINE):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip())  # a link is its text
        slug = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        again = sum(
            each == slug or re.fullmatch(rf"{re.escape(slug)}-\d+", each) is not None
            for each in found
        )
        found.append(f"{slug}-{again}" if again else slug)
    return found


def problems_of_links(document, text):
    """Relative links of a document that lead nowhere."""
    wrong = []
    for target in LINK.findall(FENCED.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        if not file.exists():
            wrong.append(f"{target} does not exist")
        elif anchor and anchor not in anchors(file.read_text()):
            wrong.append(f"{target} has no such heading")
    return wrong


def test_printed_pages_are_as_printed():
    different = [name for name, page in PAGES.items() if (ROOT / name).read_text() != page()]
    assert not different, f"run `python -m docs.print_pages`: {', '.join(different)}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_relative_links_resolve(document):
    assert problems_of_links(document, document.read_text()) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_examples_of_a_document_print_what_it_says(document):
    result = doctest.testfile(str(document), module_relative=False, encoding="utf-8")
    assert result.failed == 0
    assert result.attempted == examples(document.read_text())


@pytest.mark.parametrize(
    "file", sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md")), ids=relative
)
def test_a_decision_says_what_it_costs(file):
    text = file.read_text()
    assert text.startswith(f"# {int(file.name.split('-')[0])}. ")
    for part in ("**Context.**", "**Choice.**", "**What it costs.**"):
        assert part in text


# --- what the pages are printed from --------------------------------------------------------------


def test_a_function_is_read_from_its_docstring():
    gigpo = functions.function_named("gigpo")
    assert gigpo.arxiv == ("2505.10978",)
    assert gigpo.formula.startswith("A[i,k] = episode_weight · E[i,k]")
    assert "VERL_AGENT_GIGPO" in gigpo.presets
    assert gigpo.differs.startswith("from the authors' code: ")
    assert list(gigpo.tests) == ["by hand", "core", "official"]
    assert papers.row(gigpo)[0] == "`gigpo`"


def test_helpers_of_the_pages_do_what_they_say():
    assert doctest.testmod(functions).failed == 0
    assert doctest.testmod(functions).attempted > 0


# --- the checks above can fail --------------------------------------------------------------------


def test_a_broken_link_is_noticed():
    text = "[a](nowhere.md) [b](axes.md#no-such-heading) [c](axes.md) [d](https://example.org)"
    assert problems_of_links(ROOT / "docs" / "papers.md", text) == [
        "nowhere.md does not exist",
        "axes.md#no-such-heading has no such heading",
    ]


def test_anchors_are_those_of_headings_outside_code():
    """A repeated heading is numbered; a comment in code is no heading; a link is its text."""
    text = "# A, b\n```python\n# no\n```\n## [`x`](y.md) of z\n## A, b\n"
    assert anchors(text) == ["a-b", "x-of-z", "a-b-1"]


def test_a_wrong_number_in_an_example_is_noticed(tmp_path, capsys):
    text = (ROOT / "docs" / "by_hand.md").read_text()
    page = tmp_path / "page.md"
    page.write_text(text.replace("tensor(7.8947)", "tensor(7.8948)"))
    assert doctest.testfile(str(page), module_relative=False, encoding="utf-8").failed == 1
    assert "7.8948" in capsys.readouterr().out


def test_the_readme_is_short_and_ends_with_the_citation():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 120
    assert "CITATION.cff" in lines[-1]
