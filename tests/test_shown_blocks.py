"""Every fenced block of the documents runs, or belongs to a program of somebody else.

The language of a block says what it is. A `python` block with a prompt runs in `test_docs.py`. One
without a prompt stands in a list here, with the test that runs it or the trainer that it is for.
`console` blocks are commands; those of creditlib are parsed by its own command line. Everything
else is a file or an output.
"""

import ast
import importlib
import json
import re
import shlex
from pathlib import Path

import pytest
import typer

from creditlib.cli.app import app
from docs.site.stage import OUTSIDE

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / p for p in OUTSIDE)])
BLOCK = re.compile(r"^( *)```([^\n]*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"(?<!`)`(creditlib [^`]+)`(?!`)")
LANGUAGES = {"python", "console", "text", "yaml", "json", "sh", "{toctree}"}

# Pages with Python blocks that a reader pastes into a program, and where they run.
RUN_ELSEWHERE = {
    "docs/conformance.md": "the trainers of the page: examples/conformance_page.py prints them",
    "docs/offline.md": "tests/rollouts/test_offline_recipes.py",
    "docs/agents.md": "rLLM: the line to add",
}
# Blocks of text that hold Python, with what they lack to run.
UNFINISHED = {
    "docs/rollouts.md": "the files of the reader",
    "docs/testing.md": "pytest collects it",
}


def relative(path):
    return str(path.relative_to(ROOT))


def blocks(path):
    """(language, text) of every fenced block of a page."""
    return [(language, text) for _, language, text in BLOCK.findall(path.read_text())]


def is_program(text):
    """Whether a text is Python that imports or defines something."""
    try:
        body = ast.parse(text).body
    except SyntaxError:
        return False
    return any(isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef) for node in body)


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_a_block_says_what_it_is(path):
    assert {language for language, _ in blocks(path)} - LANGUAGES == set()


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_python_runs_here_or_in_a_program_that_is_named(path):
    named = relative(path) in RUN_ELSEWHERE or path.parent.name == "trainers"
    for language, text in blocks(path):
        if language == "python" and ">>> " not in text:
            assert named, f"name the test that runs it, or write it as a session:\n{text}"
            ast.parse(text)
        if language == "text" and is_program(text):
            assert relative(path) in UNFINISHED, f"write it as a session:\n{text}"
        if language == "json":
            assert [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_what_a_block_imports_of_creditlib_exists(path):
    for language, text in blocks(path):
        if language == "python" and ">>> " not in text:
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("creditlib"):
                    source = (ROOT / f"{node.module.replace('.', '/')}.py").is_file()
                    folder = ROOT / node.module.replace(".", "/")
                    assert source or folder.is_dir(), node.module
                    if "integrations" not in node.module:  # those import their trainer
                        module = importlib.import_module(node.module)
                        assert all(hasattr(module, each.name) for each in node.names)


def test_every_exception_is_needed():
    for page in RUN_ELSEWHERE:
        found = blocks(ROOT / page)
        assert any(language == "python" and ">>> " not in text for language, text in found), page
    for page in UNFINISHED:
        found = blocks(ROOT / page)
        assert any(language == "text" and is_program(text) for language, text in found), page


# --- command lines --------------------------------------------------------------------------------


def command_lines(path):
    """Every command line of creditlib that a page shows, without its comment."""
    text = path.read_text()
    inside = [line for _, block in blocks(path) for line in block.replace("\\\n", " ").split("\n")]
    lines = [line.strip().removeprefix("$ ") for line in inside]
    shown = [line for line in lines if line.startswith("creditlib ")]
    return shown + INLINE.findall(BLOCK.sub("", text))


def problem(line):
    """What is wrong with a command line, by the command line's own parser; "" if nothing is."""
    group = typer.main.get_command(app)
    words = shlex.split(line, comments=True)[1:]
    if not words or words[0].startswith("-"):
        return ""
    if words[0] not in group.commands:
        return f"no command {words[0]!r}"
    command = group.commands[words[0]]
    context = command.context_class(command, info_name=words[0])
    try:
        command.make_parser(context).parse_args(list(words[1:]))
    except Exception as error:  # the parser's own classes come from different packages
        return str(getattr(error, "message", error))
    return ""


# The changelog also tells of options that are gone.
WITH_COMMANDS = [each for each in PAGES if each.name != "CHANGELOG.md" and command_lines(each)]


@pytest.mark.parametrize("path", WITH_COMMANDS, ids=relative)
def test_command_lines_that_a_page_shows_are_parsed(path):
    wrong = {line: problem(line) for line in command_lines(path)}
    assert {line: fault for line, fault in wrong.items() if fault} == {}


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("creditlib explain x.jsonl -e grpo", ""),
        ("creditlib explain x.jsonl --estimatr grpo", "--estimatr"),
        ("creditlib explian x.jsonl", "no command 'explian'"),
        ("creditlib --version", ""),
    ],
)
def test_a_wrong_command_line_is_noticed(line, fault):
    assert fault in problem(line)
    assert bool(problem(line)) == bool(fault)


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_targets_of_make_that_a_page_shows_exist(path):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = set(re.findall(r"`make ([a-z-]+)", path.read_text()))
    for language, text in blocks(path):
        if language == "console":
            shown |= set(re.findall(r"^make ([a-z-]+)", text, re.MULTILINE))
    assert shown <= targets
