"""The documents: their tables name what exists, their links lead somewhere, their examples run."""

import doctest
import re
from pathlib import Path

import pytest

import creditlib
from creditlib import estimators, presets, shaping, weighting

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])
PAPERS = ROOT / "docs" / "papers.md"
PUBLIC = sorted([*estimators.__all__, *weighting.__all__, *shaping.__all__])
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
HEADER = "| function | paper |"


def relative(path):
    return str(path.relative_to(ROOT))


def rows(text):
    """The cells of every row of the tables that have one function a row."""
    found, inside = [], False
    for line in text.splitlines():
        inside = line.startswith(HEADER) or (inside and line.startswith("|"))
        if inside and line.startswith("| `"):
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def names(cell):
    return re.findall(r"`([A-Za-z0-9_]+)`", cell)


def problems_of_rows(text):
    """What is wrong with the tables of functions, one sentence each."""
    table = rows(text)
    listed = [names(row[0])[0] for row in table]
    wrong = [f"{name} has no row" for name in PUBLIC if name not in listed]
    wrong += [f"{name} has two rows" for name in set(listed) if listed.count(name) > 1]
    wrong += [f"{name} is not public" for name in listed if name not in PUBLIC]
    for name, row in zip(listed, table, strict=True):
        if len(row) != 6:
            wrong.append(f"{name} has {len(row)} cells")
            continue
        wrong += [
            f"{name}: no preset {preset}"
            for preset in names(row[3])
            if preset not in presets.__all__
        ]
        files = [(PAPERS.parent / target).resolve() for target in LINK.findall(row[4])]
        if not files:
            wrong.append(f"{name} names no test")
        wrong += [
            f"{name} is not in {file.name}"
            for file in files
            if not file.is_file() or not re.search(rf"\b{name}\b", file.read_text())
        ]
    return wrong


def problems_of_presets(text):
    return [f"{name} is nowhere" for name in presets.__all__ if f"`{name}`" not in text]


def problems_of_sources(text):
    """ArXiv ids that the package cites and the page does not."""
    cited = set()
    for file in Path(creditlib.__file__).parent.rglob("*.py"):
        cited |= set(re.findall(r"arXiv:\s*(\d{4}\.\d{4,5})", file.read_text()))
    assert len(cited) > 10
    return [f"arXiv:{number} is missing" for number in sorted(cited) if number not in text]


def examples(text):
    return len(re.findall(r"^ *>>> ", text, re.MULTILINE))


def slug(heading):
    """The anchor that a heading gets."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


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
        elif anchor and anchor not in map(slug, re.findall(r"^#+ (.*)$", file.read_text(), re.M)):
            wrong.append(f"{target} has no such heading")
    return wrong


def test_every_public_function_has_a_true_row():
    assert problems_of_rows(PAPERS.read_text()) == []


def test_every_preset_is_on_the_page():
    assert problems_of_presets(PAPERS.read_text()) == []


def test_every_cited_paper_is_on_the_page():
    assert problems_of_sources(PAPERS.read_text()) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_relative_links_resolve(document):
    assert problems_of_links(document, document.read_text()) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_examples_of_a_document_print_what_it_says(document):
    result = doctest.testfile(str(document), module_relative=False, encoding="utf-8")
    assert result.failed == 0
    assert result.attempted == examples(document.read_text())


def test_the_taught_pages_have_examples():
    for name, least in (("by_hand.md", 20), ("axes.md", 15), ("papers.md", 5)):
        assert examples((ROOT / "docs" / name).read_text()) >= least


@pytest.mark.parametrize("file", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=relative)
def test_a_decision_is_short_and_says_what_it_costs(file):
    text = file.read_text()
    assert len(text.splitlines()) <= 40
    for part in ("**Context.**", "**Choice.**", "**What it costs.**"):
        assert part in text
    number = int(file.name.split("-")[0])
    assert text.startswith(f"# {number}. ")


def test_decisions_are_numbered_without_a_gap():
    files = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [int(file.name.split("-")[0]) for file in files]
    assert numbers == list(range(1, len(numbers) + 1))


# --- the checks above can fail --------------------------------------------------------------------


def without_row(name):
    lines = PAPERS.read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith(f"| `{name}` |"))


@pytest.mark.parametrize("name", PUBLIC)
def test_a_missing_row_is_noticed(name):
    assert problems_of_rows(without_row(name)) == [f"{name} has no row"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("| `VERL_OPO` |", "| `VERL_OPUS` |", "opo: no preset VERL_OPUS"),
        ("| `remax` |", "| `remux` |", "remux is not public"),
        ("../tests/estimators/test_maxrl.py", "../tests/test_nowhere.py", "maxrl is not in"),
        (
            "[by hand](../tests/estimators/test_maxrl.py)",
            "[core](../tests/test_golden_core.py)",
            "maxrl is not in test_golden_core.py",
        ),
    ],
)
def test_a_false_row_is_noticed(old, new, problem):
    text = PAPERS.read_text()
    assert text.count(old) == 1
    assert any(found.startswith(problem) for found in problems_of_rows(text.replace(old, new)))


def test_a_missing_paper_and_a_missing_preset_are_noticed():
    text = PAPERS.read_text()
    assert problems_of_sources(text.replace("2602.02710", "")) == ["arXiv:2602.02710 is missing"]
    assert problems_of_presets(text.replace("`TRL_GRPO`", "")) == ["TRL_GRPO is nowhere"]


def test_a_broken_link_is_noticed():
    text = "[a](nowhere.md) [b](axes.md#no-such-heading) [c](axes.md) [d](https://example.org)"
    assert problems_of_links(PAPERS, text) == [
        "nowhere.md does not exist",
        "axes.md#no-such-heading has no such heading",
    ]


def test_a_wrong_number_in_an_example_is_noticed(tmp_path, capsys):
    text = (ROOT / "docs" / "by_hand.md").read_text()
    page = tmp_path / "page.md"
    page.write_text(text.replace("tensor(7.8947)", "tensor(7.8948)"))
    assert doctest.testfile(str(page), module_relative=False, encoding="utf-8").failed == 1
    assert "7.8948" in capsys.readouterr().out
