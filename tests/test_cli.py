import json
import os
import runpy
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from creditlib import __version__, cli, doctor
from creditlib.names import Plugin, public_functions

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


def run(*args):
    return CliRunner().invoke(cli.app, [str(arg) for arg in args])


def refused(monkeypatch, capsys, *args):
    """What `main` writes to stderr, which is how a shell sees it."""
    monkeypatch.setattr(sys, "argv", ["creditlib", *map(str, args)])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_estimators_lists_every_public_function():
    found = run("estimators")
    assert found.exit_code == 0
    assert set(public_functions()) <= set(found.output.split())


def test_explain_shows_estimators_side_by_side(file):
    found = run("explain", file, "-e", "rloo", "-e", "gigpo", "-e", "gae", "-g", "7*8")
    assert found.exit_code == 0
    assert "group 7*8: 2 trajectories" in found.output
    assert "6*6" not in found.output
    header = next(line for line in found.output.splitlines() if "observation" in line)
    assert header.split()[-2:] == ["rloo", "gigpo"]
    assert "gae works on tokens" in found.output


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
    (tmp_path / "own_credit_of_a_stranger.py").write_text(
        "def twice(*, reward):\n    return 2 * reward\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    found = run("explain", file, "-e", "own_credit_of_a_stranger:twice")
    assert found.exit_code == 0
    assert "+2.000" in found.output


def test_explain_shows_all_groups_on_request(tmp_path):
    path = tmp_path / "rollouts.jsonl"
    path.write_text("".join(json.dumps({**ROWS[0], "group": g}) + "\n" for g in range(5)))
    found = run("explain", path, "-e", "grpo").output
    assert "2 more groups: `--group NAME` or `--all`." in found
    assert "group 4" in run("explain", path, "-e", "grpo", "--all").output


def test_mistakes_are_one_sentence_and_exit_code_2(file, monkeypatch, capsys):
    nothing = file.parent / "nothing.jsonl"
    assert refused(monkeypatch, capsys, "explain", nothing, "-e", "grpo") == (
        f"creditlib: No such file or directory: {nothing}.\n"
    )
    assert refused(monkeypatch, capsys, "explain", file, "-e", "grpo", "-g", "9") == (
        "creditlib: explain: `group` must be one of the file's groups, '7*8', '6*6', got '9'.\n"
    )
    assert refused(monkeypatch, capsys, "explain", file, "-e", "grpo", "-o", "gigpo.gamma=1") == (
        "creditlib: explain: `--option` must start with an estimator asked for (grpo) and a dot, "
        "got 'gigpo.gamma=1'.\n"
    )
    assert refused(monkeypatch, capsys, "explain", file, "-e", "grpo", "-o", "grpo.gamma") == (
        "creditlib: explain: `--option` must be name=value, got 'grpo.gamma'.\n"
    )
    weight = ("--reward-weight", "accuracy_reward")
    assert refused(monkeypatch, capsys, "explain", file, "-e", "grpo", *weight) == (
        "creditlib: explain: `--reward-weight` must be name=value, got 'accuracy_reward'.\n"
    )
    weight = ("--reward-weight", "a=b")
    assert refused(monkeypatch, capsys, "explain", file, "-e", "grpo", *weight) == (
        "creditlib: explain: `--reward-weight` must be a number for a, got 'b'.\n"
    )
    assert refused(monkeypatch, capsys, "explain", file, "-e", "grpo", "--format", "csv") == (
        "creditlib: read: `format` must be one of 'auto', 'creditlib', 'verl', 'trl', got 'csv'.\n"
    )
    file.write_text('{"group": 1, "outcome": "x", "turns": []}\n')
    assert refused(monkeypatch, capsys, "explain", file, "-e", "grpo") == (
        "creditlib: rollouts: `outcome` must be a finite number or null, got 'x' in "
        f"{file} line 1.\n"
    )


def test_explain_without_any_credit_fails_after_the_reasons(file):
    found = run("explain", file, "-e", "gae", "-e", "gigpo", "-o", "gigpo.gama=1")
    assert found.exit_code == 2
    assert "gae works on tokens" in found.output
    assert "gigpo has no option `gama`; did you mean `gamma`?" in found.output.splitlines()


def test_a_pipe_is_as_wide_as_the_numbers_need(file, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    names = ["grpo", "rloo", "gigpo", "maxrl", "gpg", "hard_min_returns", "softmin_returns"] * 3
    found = run("explain", file, *(part for name in names for part in ("-e", name)))
    assert found.output.count("group 7*8") == found.output.count("whole batch") == 1
    assert "observation" in found.output
    assert "…" not in found.output


def ran(*args, **environment):
    """The command line as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "creditlib", *map(str, args)],
        capture_output=True,
        env={**os.environ, **environment},
    )


def test_a_terminal_without_the_characters_is_no_error(tmp_path):
    path = tmp_path / "rollouts.jsonl"
    path.write_text('{"group": "ä", "outcome": 1.0, "turns": [{"text": "→ 7"}]}', "utf-8")
    found = ran("explain", path, "-e", "grpo", PYTHONIOENCODING="ascii")
    assert (found.returncode, found.stderr) == (0, b"")
    assert b"? 7" in found.stdout
    found = ran("explain", path, "-e", "grpo", "-g", "é", PYTHONIOENCODING="ascii")
    assert found.returncode == 2
    assert found.stderr.endswith(b"got '?'.\n")


def test_the_version():
    found = run("--version")
    assert (found.exit_code, found.output) == (0, f"creditlib {__version__}\n")


def test_doctor_fails_only_for_a_plugin_that_does(monkeypatch):
    monkeypatch.setattr(doctor, "plugins", list)
    assert run("doctor").exit_code == 0
    broken = Plugin("lost", "pkg.mod:lost", None, "ImportError: no")
    monkeypatch.setattr(doctor, "plugins", lambda: [broken])
    found = run("doctor")
    assert found.exit_code == 1
    assert "pkg.mod:lost failed: ImportError: no" in found.output


def test_doctor_reads_the_entry_points_of_installed_packages(tmp_path):
    metadata = tmp_path / "stranger-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[creditlib.estimators]\nfine = creditlib:grpo\nlost = no_such_module_at_all:credit\n"
    )
    program = (
        f"import sys; sys.path.append({str(tmp_path)!r}); from creditlib.cli import main; main()"
    )
    found = subprocess.run(
        [sys.executable, "-c", program, "doctor"], capture_output=True, text=True
    )
    assert found.returncode == 1
    assert "fine        creditlib:grpo" in found.stdout
    assert "no_such_module_at_all:credit failed: ModuleNotFoundError" in found.stdout
    assert found.stderr == ""


def test_demo_passes_its_options(monkeypatch, tmp_path):
    given = {}
    monkeypatch.setattr("creditlib.demo.run", lambda **options: given.update(options))
    out = tmp_path / "x.jsonl"
    assert run("demo", "--seeds", "3", "--updates", "5", "--out", out).exit_code == 0
    assert {key: given[key] for key in ("seeds", "updates", "out")} == {
        "seeds": 3,
        "updates": 5,
        "out": out,
    }


def test_a_missing_package_of_the_demo_is_one_sentence(monkeypatch, capsys):
    def fail(**options):
        raise ModuleNotFoundError("demo: TextWorld must be installed.", name="textworld")

    monkeypatch.setattr("creditlib.demo.run", fail)
    assert refused(monkeypatch, capsys, "demo") == "creditlib: demo: TextWorld must be installed.\n"


def test_the_module_runs_and_names_its_commands_in_80_columns():
    found = ran("--help", COLUMNS="80", TERMINAL_WIDTH="80")
    text = found.stdout.decode()
    assert found.returncode == 0
    for command in ("estimators", "explain", "check", "doctor", "demo"):
        assert command in text
    assert "..." not in text.partition("[ARGS]...")[2]
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("package", ["typer", "rich"])
def test_a_missing_extra_is_one_sentence(package, monkeypatch, capsys):
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(cli.__file__)
    assert caught.value.code == 2
    assert capsys.readouterr().err == (
        f"creditlib: the command line needs {package}: pip install 'creditlib[cli]'.\n"
    )


def test_the_core_imports_no_extra():
    program = (
        "import sys, creditlib\n"
        "print(sorted({'typer', 'rich', 'pyarrow', 'textworld'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stdout == "[]\n"
