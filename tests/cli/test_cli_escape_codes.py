"""Control characters of files, names and functions never reach the terminal."""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest
import typer
from cli_runs import error_of, run

from creditlib.cli import app, typer_app

# A colour, the window's title, a reversed line, a null, a bell, another line.
EVIL = "\x1b[31mred\x1b]0;title\x07 \u202eback\0 \x9b2J\u2028next\nline"


def clean(text):
    """Text for a terminal: nothing but what can be printed, and line breaks."""
    assert all(c.isprintable() or c == "\n" for c in text), ascii(text)
    return text


def sentence(monkeypatch, capsys, *args):
    """The refusal of a command, which is one clean line."""
    text = clean(error_of(monkeypatch, capsys, *args))
    assert text.startswith("creditlib: ")
    assert text.count("\n") == 1
    return text


def written(folder, *rows, name="x.jsonl"):
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


ROW = {
    "group": EVIL,
    "id": EVIL,
    "outcome": 1.0,
    "turns": [{"observation": EVIL, "text": EVIL, EVIL: 1}],
    EVIL: 1,
}


def test_keys(monkeypatch, capsys, tmp_path):
    path = written(tmp_path, {EVIL: 1})
    text = sentence(monkeypatch, capsys, "explain", path, "-e", "grpo")
    assert "got the keys `[31mred ]0;title back 2J next line`;" in text


@pytest.mark.parametrize("there", [True, False])
def test_the_name_of_a_file(there, monkeypatch, capsys, tmp_path):
    name = EVIL.replace("\0", "")
    path = written(tmp_path, {"a": 1}, name=name) if there else tmp_path / name
    text = sentence(monkeypatch, capsys, "explain", path, "-e", "grpo")
    assert "[31mred ]0;title back" in text


@pytest.mark.parametrize(
    "more",
    [
        ("-e", EVIL),
        ("-e", f"{EVIL}:{EVIL}"),
        ("-e", "grpo", "-g", EVIL),
        ("-e", "grpo", "-o", f"{EVIL}=1"),
        ("-e", "grpo", "-o", EVIL),
        ("-e", "grpo", "-o", f"grpo.{EVIL}=1"),
        ("-e", "grpo", "-o", f"grpo.scale={EVIL}"),
        ("-e", "grpo", "--format", EVIL),
        ("-e", "grpo", "--reward-weight", f"{EVIL}={EVIL}"),
    ],
)
def test_what_the_user_typed(more, tmp_path):
    """A shell passes any of them but the null; an unusable option is a sentence or a cell."""
    found = run_whole("explain", written(tmp_path, {**ROW, "group": "a"}), *more)
    clean(found)
    assert "Traceback" not in found


def run_whole(*args):
    """Both streams of a command, as `main` writes them."""
    out = io.StringIO()
    before = sys.argv
    sys.argv = ["creditlib", *map(str, args)]
    try:
        with redirect_stdout(out), redirect_stderr(out), pytest.raises(SystemExit):
            app.run()
    finally:
        sys.argv = before
    return out.getvalue()


def test_the_cells_of_a_table(tmp_path):
    found = run("explain", written(tmp_path, ROW, ROW), "-e", "grpo")
    assert found.exit_code == 0
    assert "group [31mred ]0;title back 2J next line: 2 trajectories" in clean(found.output)
    assert "unknown keys are not read: `[31mred" in found.output


@pytest.mark.parametrize("args", [(EVIL,), (f"--{EVIL}",), ("explain", f"--{EVIL}", "x")])
def test_a_wrong_command_line(args):
    found = run_whole(*args)
    assert "Usage: " in clean(found)


def test_a_message_of_typer_keeps_its_lines(monkeypatch):
    def fail(**options):
        raise typer.BadParameter(f"first\nsecond {EVIL}")

    monkeypatch.setattr(app, "app", fail)
    assert "first\nsecond  [31mred" in clean(run_whole("x"))


def test_an_interrupted_command_is_one_word(monkeypatch):
    def fail(**options):
        raise typer.Abort

    monkeypatch.setattr(app, "app", fail)
    assert run_whole("x") == "Aborted.\n"


FAILING = f"""
from creditlib.vocabulary import Credit, Reward

def failing(*, reward: Reward) -> Credit:
    raise ZeroDivisionError({EVIL!r})
"""


def test_a_function_that_fails(tmp_path, monkeypatch):
    (tmp_path / "failing_with_escape_codes.py").write_text(FAILING)
    monkeypatch.chdir(tmp_path)
    name = "failing_with_escape_codes:failing"
    rollouts = written(tmp_path, {**ROW, "group": "a"})
    assert "ZeroDivisionError: [31mred" in clean(run_whole("explain", rollouts, "-e", name))
    law = ("--law", "every_batch_is_taken", "--examples", "3")
    found = clean(run_whole("check", name, *law))
    assert "found: a valid batch was refused: ZeroDivisionError: [31mred" in found
    assert "# raises ZeroDivisionError:  [31mred" in found
    skipped = ("--skip", f"every_batch_is_taken={EVIL}")
    clean(run_whole("check", name, *law, *skipped))


@pytest.mark.parametrize(
    ("value", "fact"),
    [
        ("9" * 5000, "an integer of too many digits"),
        ("[" * 100_000, "JSON nested too deeply"),
        ('{"a":' * 100_000, "JSON nested too deeply"),
    ],
)
def test_a_value_that_python_cannot_hold_is_refused(value, fact, monkeypatch, capsys, tmp_path):
    wanted = f"`--option` must be name=value with a value that an option takes, got {fact}.\n"
    path = written(tmp_path, ROW)
    text = sentence(monkeypatch, capsys, "explain", path, "-e", "grpo", "-o", f"grpo.eps={value}")
    assert text == f"creditlib: explain: {wanted}"
    text = sentence(monkeypatch, capsys, "check", "grpo", "-o", f"eps={value}")
    assert text == f"creditlib: check: {wanted}"


def test_the_app_of_every_command_is_the_one_that_runs():
    assert app.app is typer_app.app
