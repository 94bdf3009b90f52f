import json
import sys
from pathlib import Path

import pytest
from cli_runs import error_of, run, run_process
from typer.testing import CliRunner

from creditlib.cli import app
from creditlib.rollouts.formats import FORMATS, format_names

ROOT = Path(__file__).parents[2]
TURN = {"observation": "7*8?", "text": "56"}
ROWS = [
    {"group": "7*8", "outcome": 1.0, "turns": [TURN]},
    {"group": "7*8", "outcome": 0.0, "turns": [TURN, {"observation": "15", "text": "15"}]},
    {"group": "6*6", "outcome": 1.0, "turns": [TURN]},
]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rollouts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def test_explain_shows_estimators_side_by_side(file):
    found = run("explain", file, "-e", "rloo", "-e", "gigpo", "-e", "gae", "-g", "7*8")
    assert found.exit_code == 0
    assert "group 7*8: 2 trajectories" in found.output
    assert "6*6" not in found.output
    header = next(line for line in found.output.splitlines() if "observation" in line)
    assert header.split()[-2:] == ["rloo", "gigpo"]
    assert found.output.startswith("gae works on tokens")


def test_explain_passes_options(file):
    plain = run("explain", file, "-e", "grpo").output
    scaled = run("explain", file, "-e", "grpo", "-o", "grpo.scale=None").output
    assert "+0.707" in plain
    assert "+0.500" in scaled


def test_explain_passes_similarity(tmp_path):
    path = tmp_path / "rollouts.jsonl"
    rows = [
        {"group": 0, "outcome": score, "turns": [{"observation": f"a long red door, {score}"}]}
        for score in (1.0, 0.0)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    apart = run("explain", path, "-e", "gigpo").output
    joined = run("explain", path, "-e", "gigpo", "--similarity", "0.8").output
    assert "+0.707" in apart
    assert "+1.414" in joined


def test_explain_takes_a_function_beside_the_shell(file, tmp_path, monkeypatch):
    (tmp_path / "own_credit_beside_the_shell.py").write_text(
        "def twice(*, reward):\n    return 2 * reward\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    found = run("explain", file, "-e", "own_credit_beside_the_shell:twice")
    assert found.exit_code == 0
    assert "+2.000" in found.output


def test_explain_shows_all_groups_on_request(tmp_path):
    path = tmp_path / "rollouts.jsonl"
    path.write_text("".join(json.dumps({**ROWS[0], "group": g}) + "\n" for g in range(5)))
    found = run("explain", path, "-e", "grpo").output
    assert "4 more groups, and all trajectories: `--group NAME`, `--all`, or a page" in found
    assert "group 4" not in found
    assert "group 4" in run("explain", path, "-e", "grpo", "--all").output


def test_mistakes_are_one_sentence_and_exit_code_2(file, monkeypatch, capsys):
    nothing = file.parent / "nothing.jsonl"
    assert error_of(monkeypatch, capsys, "explain", nothing, "-e", "grpo") == (
        f"creditlib: No such file or directory: {nothing}.\n"
    )
    assert error_of(monkeypatch, capsys, "explain", file, "-e", "grpo", "-g", "9") == (
        "creditlib: explain: `--group` must be one of the file's groups, '7*8', '6*6', got '9'.\n"
    )
    assert error_of(monkeypatch, capsys, "explain", file, "-e", "grpo", "-o", "gigpo.gamma=1") == (
        "creditlib: explain: `--option` must start with an estimator of the command (grpo) and a "
        "dot, got 'gigpo.gamma=1' (did you mean 'grpo'?).\n"
    )
    assert error_of(monkeypatch, capsys, "explain", file, "-e", "grpo", "-o", "grpo.gamma") == (
        "creditlib: explain: `--option` must be name=value, got 'grpo.gamma'.\n"
    )
    weight = ("--reward-weight", "accuracy_reward")
    assert error_of(monkeypatch, capsys, "explain", file, "-e", "grpo", *weight) == (
        "creditlib: explain: `--reward-weight` must be name=value, got 'accuracy_reward'.\n"
    )
    weight = ("--reward-weight", "a=b")
    assert error_of(monkeypatch, capsys, "explain", file, "-e", "grpo", *weight) == (
        "creditlib: explain: `--reward-weight` must be a number for a, got 'b'.\n"
    )
    assert error_of(monkeypatch, capsys, "explain", file, "-e", "grpo", "--format", "csv") == (
        f"creditlib: explain: `--format` must be one of 'auto', {', '.join(map(repr, FORMATS))}, a "
        "RolloutFormat or 'package.module:NAME', got 'csv'.\n"
    )
    file.write_text('{"group": 1, "outcome": "x", "turns": []}\n')
    assert error_of(monkeypatch, capsys, "explain", file, "-e", "grpo") == (
        "creditlib: rollouts: `outcome` must be a finite number, true, false or null, got 'x' in "
        f"{file} line 1.\n"
    )


@pytest.mark.parametrize("form", [(), ("--json",), ("--all",), ("--html", "x.html")])
def test_explain_without_any_credit_prints_the_reasons_and_nothing_else(
    form, file, monkeypatch, capsys
):
    monkeypatch.chdir(file.parent)
    words = ("explain", file, "-e", "gae", "-e", "igpo", *form)
    lines = error_of(monkeypatch, capsys, *words).splitlines()
    assert [line.partition(" needs ")[0].partition(" works ")[0] for line in lines] == [
        "creditlib: explain: gae",
        "creditlib: explain: igpo",
    ]
    assert list(file.parent.iterdir()) == [file]


def test_top_width_and_sort(tmp_path):
    path = tmp_path / "rollouts.jsonl"
    rows = [{**row, "turns": [TURN] * 9} for row in (*ROWS, ROWS[0])]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ("explain", path, "-e", "grpo")
    assert run(*words).output.count("…") == 2  # of each trajectory, the other turns
    assert "group 7*8" in run(*words).output
    assert "group 6*6" in run(*words, "--sort", "lone").output
    found = run(*words, "--group", "7*8", "--top", "2").output
    assert found.count("7 more turns have smaller or equal |credit|") == 3
    assert run(*words, "--group", "7*8").output.count("+0.577") == 18
    wide = {max(map(len, run(*words, "--width", w).output.splitlines())) for w in (60, 90)}
    assert max(wide) <= 90
    assert min(wide) <= 60


def test_the_documents_show_what_the_command_prints(monkeypatch):
    monkeypatch.chdir(ROOT)
    page = (ROOT / "docs" / "rollouts.md").read_text("utf-8")
    command, _, rest = page.partition("```console\ncreditlib ")[2].partition("\n```\n\n```text\n")
    shown = rest.partition("\n```\n")[0]
    printed = [line.rstrip() for line in run(*command.split()).output.splitlines()]
    assert "\n".join(printed) == shown


def test_one_json_object(file):
    found = run("explain", file, "-e", "rloo", "-e", "gae", "--json", "--sort", "name")
    assert found.exit_code == 0
    told = json.loads(found.output)
    assert (told["format"], told["version"]) == ("creditlib.explain", 1)
    assert [group["name"] for group in told["groups"]] == ["6*6", "7*8"]
    assert told["groups"][1]["trajectories"][0]["turns"][0]["credit"] == {"rloo": 1.0}
    assert told["estimators"][1]["reason"].startswith("gae works on tokens")


def test_a_page_for_the_browser(file, tmp_path):
    page = tmp_path / "page.html"
    found = run("explain", file, "-e", "rloo", "--html", page)
    assert found.exit_code == 0
    assert found.output == f"wrote {page}.\n"
    assert page.read_text("utf-8").startswith("<!doctype html>")


def test_a_pipe_is_as_wide_as_the_numbers_need(file, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    names = ["grpo", "rloo", "gigpo", "maxrl", "gpg", "hard_min_returns", "softmin_returns"] * 3
    found = run("explain", file, *(part for name in names for part in ("-e", name)))
    assert found.output.count("group 7*8") == found.output.count("mean |credit|") == 1
    assert "observation" in found.output
    assert "…" not in found.output


def test_a_terminal_without_the_characters_is_no_error(tmp_path):
    path = tmp_path / "rollouts.jsonl"
    path.write_text('{"group": "ä", "outcome": 1.0, "turns": [{"text": "→ 7"}]}', "utf-8")
    found = run_process("explain", path, "-e", "grpo", PYTHONIOENCODING="ascii")
    assert (found.returncode, found.stderr) == (0, b"")
    assert b"? 7" in found.stdout
    found = run_process("explain", path, "-e", "grpo", "-g", "é", PYTHONIOENCODING="ascii")
    assert found.returncode == 2
    assert found.stderr.endswith(b"got '?'.\n")


def test_explain_takes_a_format_of_the_users_own(file, tmp_path, monkeypatch):
    (tmp_path / "reversed_rollouts.py").write_text(
        "from creditlib.rollouts import Converted, RolloutFormat\n"
        "def convert(rows, places):\n"
        "    return Converted(rows[::-1], places[::-1])\n"
        "REVERSED = RolloutFormat('reversed', frozenset({'turns'}), convert)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    found = run("explain", file, "-e", "grpo", "--format", "reversed_rollouts:REVERSED")
    assert found.exit_code == 0
    assert "#2: outcome 0, 2 turns" in found.output  # the second of three from either end
    assert "#3: outcome 1, 1 turn, largest" in found.output


def test_the_help_lists_the_formats_of_the_table():
    text = " ".join(run("explain", "--help").output.split())
    assert f"auto, {format_names()}, or mypkg.module:FORMAT." in text


def test_the_keys_of_a_chat_are_named(tmp_path):
    path = tmp_path / "x.json"
    talk = [{"role": "user", "content": "7*8?"}, {"role": "assistant", "content": "56"}]
    rows = [{"q": "7*8", "won": won, "log": talk} for won in (True, False)]
    path.write_text(json.dumps(rows))
    keys = ("--key", "group=q", "--key", "outcome=won", "--key", "messages=log")
    found = run("explain", path, "-e", "grpo", "-o", "grpo.scale=None", *keys)
    assert found.exit_code == 0
    assert "group 7*8: 2 trajectories" in found.output
    assert "+0.500" in found.output


def test_a_wrong_key_is_refused_as_it_was_typed(file, monkeypatch, capsys):
    found = error_of(monkeypatch, capsys, "explain", file, "-e", "grpo", "--key", "group=x")
    assert found == (
        "creditlib: explain: `--key` must be left out for the format creditlib, got {'group': "
        "'x'}.\n"
    )
    named = ("--format", "chat", "--key", "grup=x")
    found = error_of(monkeypatch, capsys, "explain", file, "-e", "grpo", *named)
    assert found == (
        "creditlib: explain: `--key` must be named by 'group', 'outcome', 'messages', 'prompt', "
        "'id', got 'grup' (did you mean 'group'?).\n"
    )
    found = error_of(monkeypatch, capsys, "explain", file, "-e", "grpo", "--key", "group")
    assert found == "creditlib: explain: `--key` must be name=value, got 'group'.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-e", "grpp"], "explain: `--estimator` must be a name of creditlib,"),
        (["-e", "no_such_module:f"], "explain: `--estimator` must be an import path that loads,"),
        (["-e", "grpo", "--format", "trll"], "explain: `--format` must be one of 'auto',"),
        (["-e", "grpo", "-g", "7*9"], "explain: `--group` must be one of the file's groups,"),
        (
            ["-e", "grpo", "--reward-weight", "a=1"],
            "explain: `--reward-weight` must be left out for the format creditlib,",
        ),
        (["-e", "grpo", "--similarity", "7"], "explain: `--similarity` must be a number in"),
        (["-e", "grpo", "-o", "grpo.scle=1"], "explain: `--option grpo.scle` must be one of the"),
        (["-e", "grpo", "--sort", "sprad"], "explain: `--sort` must be one of 'spread',"),
        (["-e", "grpo", "--top", "-1"], "explain: `--top` must be a whole number, at least 0,"),
        (["-e", "grpo", "--html", "x.pdf"], "explain: `--html` must be a file that ends in .html,"),
    ],
)
def test_a_refusal_names_the_option_that_was_typed(arguments, sentence, file, monkeypatch, capsys):
    found = error_of(monkeypatch, capsys, "explain", file, *arguments)
    assert found.startswith(f"creditlib: {sentence}")
    assert found.count("\n") == 1


def test_an_unknown_estimator_is_refused_before_the_file_is_read(tmp_path, monkeypatch, capsys):
    found = error_of(monkeypatch, capsys, "explain", tmp_path / "nothing.jsonl", "-e", "grpp")
    assert "did you mean 'grpo'?" in found


def test_what_an_estimator_lacks_is_said_first_and_with_the_key_of_the_file(tmp_path):
    path = tmp_path / "rollouts.jsonl"
    rows = [{**row, "turns": [{"observaton": "a door"}]} for row in ROWS]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines = run("explain", path, "-e", "grpo", "-e", "gigpo").output.splitlines()
    assert " ".join(" ".join(lines[:2]).split()).startswith(
        "gigpo needs `anchor`, which is read from the turns' `observation`; these rollouts have "
        "`observaton`."
    )
    assert any("unknown keys are not read: `observaton` (3 turns;" in line for line in lines)


def test_explain_takes_several_files_and_standard_input(file):
    more = file.with_name("more.jsonl")
    more.write_text(json.dumps(ROWS[0]) + "\n")
    assert "group 7*8: 3 trajectories" in run("explain", file, more, "-e", "grpo").output
    assert "group 7*8: 3 trajectories" in run("explain", file.parent / "*", "-e", "grpo").output
    typed = CliRunner().invoke(app.app, ["explain", "-", "-e", "grpo"], input=file.read_bytes())
    assert typed.output == run("explain", file, "-e", "grpo").output


def test_a_path_that_is_none_is_named_as_the_argument(monkeypatch, capsys):
    assert error_of(monkeypatch, capsys, "explain", "a\0b", "-e", "grpo") == (
        "creditlib: explain: `FILE` must be the path of a file or a folder, got 'a\\x00b'.\n"
    )
