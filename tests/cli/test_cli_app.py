import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from cli_runs import error_of, run, run_process

from creditlib import cli
from creditlib.cli import app
from creditlib.version import __version__
from creditlib.vocabulary.install_hint import install_hint


def test_the_version():
    found = run("--version")
    assert (found.exit_code, found.output) == (0, f"creditlib {__version__}\n")


def test_the_module_runs_and_names_its_commands_in_80_columns():
    found = run_process("--help", COLUMNS="80", TERMINAL_WIDTH="80")
    text = found.stdout.decode()
    assert found.returncode == 0
    for command in ("estimators", "explain", "check", "doctor", "demo"):
        assert command in text
    assert "..." not in text.partition("[ARGS]...")[2]
    assert max(map(len, text.splitlines())) <= 80


def test_the_core_imports_no_extra():
    program = (
        "import sys, creditlib\n"
        "print(sorted({'typer', 'rich', 'pyarrow', 'textworld'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stdout == "[]\n"


def lacking(package, monkeypatch):
    """Let the import of the commands fail for want of a package."""

    class Lacking(ModuleType):
        def __getattr__(self, name):
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)

    monkeypatch.setitem(sys.modules, "creditlib.cli.app", Lacking("creditlib.cli.app"))


@pytest.mark.parametrize("package", ["typer", "rich"])
def test_a_missing_extra_is_one_sentence(package, monkeypatch, capsys):
    lacking(f"{package}.console", monkeypatch)
    assert error_of(monkeypatch, capsys, "doctor") == (
        f"creditlib: the command line needs {package}: {install_hint('cli')}.\n"
    )


def test_the_extra_is_what_the_import_lacks():
    program = "import sys; sys.modules['typer'] = None; from creditlib.cli import main; main()"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith("creditlib: the command line needs typer: pip install ")


def test_another_missing_package_is_not_hidden(monkeypatch):
    lacking("creditlib.report", monkeypatch)
    with pytest.raises(ModuleNotFoundError, match="No module named 'creditlib"):
        cli.main()


def test_every_file_of_a_command_is_imported_in_the_order_of_the_help():
    lines = run("--help").output.partition("Commands:")[2].split("\n")
    commands = [line.split()[0] for line in lines if line.strip()]
    text = Path(app.__file__).read_text("utf-8")
    assert commands == re.findall(r"from creditlib.cli import (\w+) as", text)
