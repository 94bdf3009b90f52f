"""The script that prints the tables of docs/conformance.md, and TRL's method as a function."""

import importlib.util
from pathlib import Path

import pytest

from creditlib.testing import LAWS
from creditlib.testing.conformance.trainer_subject import trainer_subject
from creditlib.testing.engine.runner import Report, Verdict

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "conformance.md"


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


page = load("conformance_page")


def test_every_note_speaks_of_laws_that_exist_and_has_its_letter_on_the_page():
    text = PAGE.read_text()
    for letter, _, _, laws in page.NOTES:
        assert set(laws) <= set(LAWS)
        assert f"- **{letter}**" in text


def test_what_is_noted_is_no_fault_and_everything_else_is():
    assert page.letter("verl", "gdpo", "groups_are_independent") == "w"
    assert page.letter("verl", "grpo", "groups_are_independent") == ""
    assert page.letter("verl", "rloo_vectorized", "constant_groups_get_nothing") == "r"


def test_a_table_and_the_shortest_example_of_each_fault():
    law, kept = LAWS["constant_groups_get_nothing"], LAWS["credit_is_finite"]
    reports = {
        "grpo": Report("f", (Verdict(kept, "kept"), Verdict(law, "broken", 1, 0, "so", "f(1, 2)"))),
        "rloo": Report("g", (Verdict(kept, "untried"), Verdict(law, "broken", 1, 0, "so", "g()"))),
        "dapo": Report("h", (Verdict(kept, "kept"), Verdict(law, "broken", 1, 0, "so", "h(1)"))),
    }
    lines = page.page("verl", reports)
    assert lines[:4] == [
        "| law | `grpo` | `rloo` | `dapo` |",
        "|---|:-:|:-:|:-:|",
        "| `credit_is_finite` | ✓ | ○ | ✓ |",
        "| `constant_groups_get_nothing` | **✗** | r | **✗** |",
    ]
    assert "**`constant_groups_get_nothing`**: `grpo`, `dapo`. so." in lines
    assert lines[-3:] == ["```python", "h(1)", "```"]


@pytest.mark.parametrize("name", ["grpo", "rloo"])
def test_trls_method_is_a_function_of_the_convention(name):
    subject = trainer_subject(getattr(load("trl_advantages"), name), "trl")
    assert set(subject.tensors) == {"reward", "valid", "group"}
    assert subject.equal_groups


def test_the_page_has_the_laws_there_are():
    rows = [line.split("`")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert set(rows) <= set(LAWS)
    assert len(set(rows)) > 30
