import subprocess
import sys

import pytest

from creditlib.start import runs_as_command


@pytest.mark.parametrize(
    ("given", "original", "runs"),
    [
        (["-m"], ["python", "-m", "creditlib"], True),
        (["-m", "doctor", "verl"], ["python", "-m", "creditlib", "doctor", "verl"], True),
        (["-m", "x"], ["python", "-u", "-m", "creditlib", "x"], True),
        (["-m", "x"], ["python", "-umcreditlib", "x"], True),
        (["-m", "creditlib"], ["python", "-m", "pytest", "creditlib"], False),
        (["-m", "-m", "creditlib"], ["python", "-m", "mine", "-m", "creditlib"], False),
        (["creditlib"], ["python", "-m", "creditlib"], False),
        (["train.py"], ["python", "train.py"], False),
        (["-c"], ["python", "-c", "import creditlib"], False),
        ([], [], False),
    ],
)
def test_the_command_is_told_from_other_programs(given, original, runs):
    assert runs_as_command(given, original) is runs


def test_another_module_keeps_its_folder(tmp_path):
    (tmp_path / "training.py").write_text("import sys, creditlib\nprint(sys.path[0])\n")
    run = [sys.executable, "-m", "training"]
    found = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(tmp_path)
