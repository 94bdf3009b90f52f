import json
from pathlib import Path

import pytest
from format_files import (
    ANSWER,
    CHAT,
    EPISODE,
    GROUP,
    LOG,
    NEMO,
    RESULTS,
    TRAJECTORY,
)

from creditlib import rollouts
from creditlib.rollouts import Converted, RolloutFormat
from creditlib.rollouts.formats import (
    FORMATS,
    detect_format,
    find_format,
    format_names,
    formats_table,
)

OWN = """
from creditlib.rollouts import Converted, RolloutFormat

def convert(rows, places, best=1.0):
    found = [
        {"group": row["question"], "outcome": row["score"] / best, "turns": [{"text": "56"}]}
        for row in rows
    ]
    return Converted(found, places, ["outcome = score / best."])

KEYS = frozenset({"question", "answer", "score"})
QUIZ = RolloutFormat("quiz", KEYS, convert, options=("best",))
"""
ROWS = [
    {"question": "7*8", "answer": "56", "score": 4},
    {"question": "7*8", "answer": "", "score": 0},
]


@pytest.fixture
def quiz(tmp_path, monkeypatch):
    """A log in a format of the user's own, and the module that reads it."""
    (tmp_path / "quiz_rollouts.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "quiz.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def test_the_formats_are_compared_in_this_order():
    names = [
        *("creditlib", "verl", "trl", "atif", "verifiers", "verifiers_results", "nemo_gym"),
        *("atropos", "inspect", "chat"),
    ]
    assert list(FORMATS) == names
    assert all(name == each.name for name, each in FORMATS.items())
    row = dict.fromkeys(frozenset().union(*(each.keys for each in FORMATS.values())))
    row |= {"schema_version": "ATIF-v1.7", "steps": [], "outputs": [{}], "messages": [ANSWER]}
    removed = {
        "creditlib": "turns",
        "verl": "score",
        "trl": "step",
        "atif": "steps",
        "verifiers": "traces",
        "verifiers_results": "outputs",
        "nemo_gym": "response",
        "atropos": "masks",
        "inspect": "samples",
        "chat": "messages",
    }
    for name, key in removed.items():
        assert detect_format(row, Path("x")).name == name
        del row[key]
    assert detect_format(row, Path("x"), keyed=True).name == "chat"


def test_a_row_of_each_format_is_detected():
    rows = {
        "chat": CHAT,
        "nemo_gym": NEMO,
        "verifiers_results": RESULTS,
        "verifiers": EPISODE,
        "atif": TRAJECTORY,
        "atropos": GROUP,
        "inspect": LOG,
    }
    assert {name: detect_format(row, Path("x")).name for name, row in rows.items()} == {
        name: name for name in rows
    }


def test_a_users_own_format_needs_no_registration(quiz):
    found = rollouts.read(quiz, format="quiz_rollouts:QUIZ", best=4)
    assert found.tensors["reward"].tolist() == [1.0, 0.0]
    assert found.notes == ("outcome = score / best.",)
    assert found.places[1] == f"{quiz} line 2"


def test_a_format_is_passed_as_an_object(quiz):
    def convert(rows, places):
        return Converted([{"group": 0, "outcome": 1.0, "turns": []} for _ in rows], places)

    counted = RolloutFormat("counted", frozenset({"question"}), convert)
    assert rollouts.read(quiz, format=counted).tensors["reward"].tolist() == [1.0, 1.0]


def test_one_entry_of_the_table_is_enough_to_detect_a_format(quiz, monkeypatch, refusal):
    monkeypatch.setitem(FORMATS, "quiz", find_format("quiz_rollouts:QUIZ"))
    assert rollouts.read(quiz).tensors["reward"].tolist() == [4.0, 0.0]
    assert rollouts.read(quiz, format="quiz", best=2).tensors["reward"].tolist() == [2.0, 0.0]
    assert format_names().endswith(", inspect, chat or quiz")
    assert "| `quiz` |" in formats_table()
    assert "'chat', 'quiz'" in refusal(rollouts.read, quiz, format="csv")


def test_every_row_must_have_the_keys(quiz, refusal):
    quiz.write_text(json.dumps(ROWS[0]) + '\n{"question": "7*8", "answer": ""}\n')
    assert refusal(rollouts.read, quiz, format="quiz_rollouts:QUIZ") == (
        f"rollouts: `score` must be in every row, got none in {quiz} line 2."
    )


def test_an_import_path_that_names_no_format_is_refused(quiz, refusal):
    wanted = "read: `format` must be an import path of a RolloutFormat, got"
    assert refusal(rollouts.read, quiz, format="quiz_rollouts:KEYS") == (
        f"{wanted} 'quiz_rollouts:KEYS', which is frozenset."
    )
    assert refusal(rollouts.read, quiz, format="no_such_module:QUIZ") == (
        f"{wanted} 'no_such_module:QUIZ' (ModuleNotFoundError: No module named 'no_such_module')."
    )
    assert refusal(rollouts.read, quiz, format=7).endswith("got 7.")


def test_the_page_lists_the_formats():
    page = Path(__file__).parents[2] / "docs" / "rollouts.md"
    assert formats_table() in page.read_text("utf-8"), "paste the output of formats_table()"
