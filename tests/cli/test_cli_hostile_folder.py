"""No command runs a file of the current folder that the user did not name.

The folder holds a module for each name that creditlib imports anywhere, and for each package that
an extra or a trainer brings. Each of them leaves a mark when it is imported.
"""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cli_runs import run

import creditlib

PACKAGE = Path(creditlib.__file__).parent
SCRIPT = Path(sys.executable).with_name("creditlib")
# What an installation may lack: the extras, and what other packages look for.
EXTRAS = ("numba", "triton", "pyarrow", "rapidfuzz", "pandas", "scipy", "matplotlib", "textworld")
OTHERS = ("uuid", "yaml", "cupy", "sitecustomize2", "verl", "trl", "skyrl", "ray", "datasets")
MARK = """
import _io
_io.open("MARK_" + __name__, "w").close()
"""
MINE = """
import neighbour_of_mine
from creditlib import rloo
from creditlib.vocabulary import Credit, Group, Reward

def credit(*, reward: Reward, group: Group) -> Credit:
    return rloo(reward=reward, group=group)
"""
# The named packages are not installed; a file of the same name elsewhere on the path is found.
LACKING = """
import sys
from importlib.machinery import PathFinder

found_anywhere = PathFinder.find_spec

def find_spec(name, path=None, target=None):
    if path is None and name in {names!r}:
        path = [entry for entry in sys.path if not entry.endswith("site-packages")]
    return found_anywhere(name, path, target)

PathFinder.find_spec = staticmethod(find_spec)
"""


def of_the_start(folder):
    """What Python itself imports before the module of `python -m`: no package can prevent that."""
    (folder / "bare.py").write_text("import sys\nprint(*sys.modules)\n")
    run = [sys.executable, "-m", "bare"]
    found = subprocess.run(run, cwd=folder, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in found.stdout.split()}


def imported_names():
    """The top names of all imports in the package."""
    found = set()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add((node.module or "").partition(".")[0])
    return found - {"__future__", "creditlib"}


@pytest.fixture
def folder(tmp_path):
    """A folder of rollouts and of files that must not run."""
    home = tmp_path / "downloads"
    home.mkdir()
    for name in (imported_names() | {*EXTRAS, *OTHERS}) - of_the_start(tmp_path):
        (home / f"{name}.py").write_text(MARK)
    info = home / "stranger-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[creditlib.estimators]\nstray = uuid:uuid4\n[hypothesis]\nstray = uuid\n"
    )
    rows = [
        {"group": "a", "trajectory": f"t{n}", "outcome": n % 2, "turns": [{"observation": "x"}]}
        for n in range(4)
    ]
    (home / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (home / "r.parquet").write_bytes(b"PAR1 and so on PAR1")
    (home / "mine.py").write_text(MINE)
    (home / "neighbour_of_mine.py").write_text("")
    return home


SMALL = ("--quick", "--groups", "20", "--seeds", "1", "--updates", "2")
COMMANDS = {
    "help": ("--help",),
    "estimators": ("estimators",),
    "explain": ("explain", "r.jsonl", "-e", "grpo", "-e", "gigpo"),
    "explain alike": ("explain", "r.jsonl", "-e", "gigpo", "--similarity", "0.9"),
    "explain parquet": ("explain", "r.parquet", "-e", "grpo"),
    "explain mine": ("explain", "r.jsonl", "-e", "mine:credit"),
    "report": ("report", "r.jsonl", "-e", "grpo", "-e", "gigpo"),
    "credit": ("credit", "r.jsonl", "-e", "grpo", "-o", "out"),
    "credit mine": ("credit", "r.jsonl", "-e", "mine:credit", "-o", "out"),
    "check": ("check", "grpo", "--law", "credit_is_finite", "--examples", "2"),
    "check mine": ("check", "mine:credit", "--law", "credit_is_finite", "--examples", "2"),
    "laws": ("laws",),
    "audit": ("audit", "rloo", "--task", "recovery", *SMALL),
    "audit mine": ("audit", "mine:credit", "--task", "recovery", *SMALL),
    "claims": ("claims", "--which", "f", "--seeds", "2"),
    "doctor": ("doctor",),
    "doctor verl": ("doctor", "verl"),
    "demo": ("demo", "--seeds", "1", "--updates", "1"),
}
# What the command says if nothing of it is missing.
SAYS = {
    "explain": "group a: 4 trajectories",
    "explain mine": "group a: 4 trajectories",
    "check mine": "credit: 1 kept",
    "laws": "credit_is_finite",
    "audit": "recovery: Its gradient",
    "audit mine": "recovery: Its gradient",
}
LAUNCHERS = {"script": [SCRIPT], "module": [sys.executable, "-m", "creditlib"]}
# One process for each pair takes a minute: the others run nightly.
FEW = {("explain", "module"), ("check mine", "script"), ("doctor", "module")}


CASES = [
    pytest.param(
        command,
        launcher,
        marks=() if (command, launcher) in FEW else pytest.mark.nightly,
        id=f"{command}-{launcher}",
    )
    for command in COMMANDS
    for launcher in LAUNCHERS
]


def outcome(folder, words, launcher, lacking=(), **environment):
    """The output of a command in the folder, with some packages missing."""
    site = folder.parent / "site"
    site.mkdir(exist_ok=True)
    (site / "sitecustomize.py").write_text(LACKING.replace("{names!r}", repr(tuple(lacking))))
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    kept |= {"PYTHONPATH": str(site), "OMP_NUM_THREADS": "1", "COLUMNS": "120", **environment}
    given = [*map(str, LAUNCHERS[launcher]), *words]
    found = subprocess.run(given, cwd=folder, capture_output=True, env=kept, check=False)
    return found.stdout.decode(), found.stderr.decode()


def marks(folder):
    return sorted(file.name for file in folder.glob("MARK_*"))


def test_every_command_has_a_case():
    lines = run("--help").output.partition("Commands:")[2].split("\n")
    commands = {line.split()[0] for line in lines if line.strip()}
    assert commands == {words[0] for words in COMMANDS.values()} - {"--help"}


def test_the_files_run_where_the_folder_is_on_the_path(folder):
    program = "import uuid, numba; print('ran')"
    subprocess.run([sys.executable, "-c", program], cwd=folder, check=True)
    assert marks(folder) == ["MARK_numba", "MARK_uuid"]


@pytest.mark.parametrize(("command", "launcher"), CASES)
def test_a_command_runs_no_file_that_nobody_named(command, launcher, folder):
    output, errors = outcome(folder, COMMANDS[command], launcher)
    assert SAYS.get(command, "") in output, errors
    assert "Traceback" not in errors
    assert marks(folder) == [], errors


@pytest.mark.parametrize(("command", "launcher"), CASES)
def test_nor_does_it_where_the_extras_are_missing(command, launcher, folder):
    _, errors = outcome(folder, COMMANDS[command], launcher, lacking=EXTRAS)
    assert "Traceback" not in errors
    assert marks(folder) == [], errors


@pytest.mark.nightly
@pytest.mark.parametrize("package", ["typer", "rich", "hypothesis"])
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_nor_where_the_command_line_itself_is_missing(package, launcher, folder):
    _, errors = outcome(folder, COMMANDS["check"], launcher, lacking=[package])
    assert re.match(rf"creditlib: .* needs? {package}: ", errors)
    assert marks(folder) == []


def test_an_installed_module_that_is_named_does_not_open_the_folder(folder):
    """A package often asks for others that are not installed."""
    (folder / "no_such_extra.py").write_text(MARK)
    site = folder.parent / "site"
    site.mkdir()
    (site / "asking.py").write_text(
        "from creditlib.vocabulary import Credit, Reward\n"
        "try:\n    import no_such_extra\nexcept ImportError:\n    pass\n"
        "def credit(*, reward: Reward) -> Credit:\n    return reward.detach()\n"
    )
    words = ("check", "asking:credit", "--law", "credit_is_finite", "--examples", "1")
    output, errors = outcome(folder, words, "script")
    assert "credit: 1 kept" in output, errors
    assert marks(folder) == []


def test_what_the_user_put_on_the_path_stays(folder):
    path = os.pathsep.join([str(folder.parent / "site"), str(folder)])
    outcome(folder, ("--version",), "module", PYTHONPATH=path)
    assert marks(folder) != []  # these files are his own
