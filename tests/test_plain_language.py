"""The documents and the help of the command line have none of the sentences that readers misread.

The list is short. Each phrase has one clear replacement, and none occurs in standard English about
this subject. Code blocks and inline code are not searched.
"""

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from creditlib.cli.app import app

ROOT = Path(__file__).parents[1]
# A page of measured numbers, and the entries of releases, which are not rewritten.
LEFT_OUT = {ROOT / "docs" / "performance.md", ROOT / "CHANGELOG.md"}
DOCUMENTS = sorted({*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")} - LEFT_OUT)
COUNTED = "one|number|value|entry|list|row|reward|bytes|seconds|batches|tokens"
PER = "turn|token|trajectory|rollout|row|group|law|step|member"
# A phrase, and what to write instead.
REFUSED = {
    rf"\b(?:{COUNTED}) an? (?:{PER})\b(?! of)": "one per turn",
    r"\bwho else\b": "compared with other turns of the same state",
    r"\b(?:as|which is) (?:it is |they are )?known\b": "has the expected signature",
    r"\bwithout a word\b": "without an error",
    r"\b(?:told|tells?) apart\b": "distinguishes",
    r"\bout-?votes?\b": "counts more often than",
    r"\btouched once\b": "`to_tokens` is called once, at the end",
    r"\bnatural level\b": "one number per trajectory or turn",
    r"\bsays? nothing of\b": "does not apply to",
    r"\bpoints? elsewhere\b": "is biased",
    r"\bmet somebody\b": "shares its state with another turn",
    r"\bspeaks? (?:of|about)\b": "the law needs, the law applies to",
    r"\bno part take\b": "excluded rows",
    r"\bbears? the name\b": "has the name",
}


def prose(text):
    """A document without its code."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"`[^`\n]*`", "", text)
    return re.sub(r"^    .*$", "", text, flags=re.MULTILINE)


def found_in(text):
    """Each phrase of a text that is refused, with what to write instead."""
    flat = " ".join(text.split())
    return [
        f"{match.group()!r}: write {instead!r}"
        for phrase, instead in REFUSED.items()
        for match in re.finditer(phrase, flat, re.IGNORECASE)
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_has_no_refused_phrase(document):
    assert found_in(prose(document.read_text())) == []


@pytest.mark.parametrize("command", ["", *typer.main.get_command(app).commands])
def test_the_help_of_a_command_has_no_refused_phrase(command):
    found = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"})
    assert found.exit_code == 0
    assert found_in(found.output) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "one a turn: who else stood there?",
        "which hooks are as known, what verl hides",
        "rejected and copied rows told apart",
        "Estimators work at their natural level, and tokens are touched once.",
        "11 say nothing of it",
        "Rewards of earlier rows were lost without a\nword.",
    ],
)
def test_a_refused_phrase_is_noticed(sentence):
    assert found_in(prose(sentence))


def test_code_is_not_searched():
    assert found_in(prose("```\none a turn\n```\nUse `told apart`.\n\n    who else\n")) == []
