"""The command that compiles all kernels with several versions of Triton."""

import json
import re
import sys
from pathlib import Path

import pytest
from kernels import versions

from creditlib.vocabulary.backends import OLDEST

WORKFLOWS = versions.ROOT / ".github" / "workflows"
FORM = {"name": "whole", "target": 90, "faults": []}
CALL = {"call": "gae", "error": ""}


@pytest.fixture
def stored(monkeypatch):
    """What the processes print, by module; nothing is installed or compiled."""
    found = {"kernels.report": [FORM], "kernels.launches": {"triton": "3.6.0", "calls": [CALL]}}
    monkeypatch.setattr(versions, "installed", lambda version, folder: folder / version)
    monkeypatch.setattr(versions, "run", lambda module, place, *arguments: found[module])
    return found


def test_the_versions_begin_with_the_oldest_one_that_runs():
    numbers = [tuple(map(int, each.split(".")[:2])) for each in versions.VERSIONS]
    assert numbers[0] == OLDEST["triton"]
    # No release between the oldest and the newest is left out.
    assert numbers == [(3, minor) for minor in range(6, 6 + len(numbers))]


def test_the_workflows_compile_with_each_version():
    pinned = re.search(r"triton==(\S+)", (versions.ROOT / "constraints.txt").read_text())[1]
    for name, beside in (("nightly.yml", set()), ("test.yml", {pinned})):
        line = re.search(r"^ +triton: (\[.+?\])", (WORKFLOWS / name).read_text(), re.MULTILINE)[1]
        assert {*json.loads(line), *beside} == set(versions.VERSIONS)


@pytest.mark.parametrize(
    ("module", "answer", "fault"),
    [
        ("", None, None),
        ("kernels.report", [{**FORM, "faults": ["a spill"]}], "3.6.0: whole sm_90: a spill"),
        (
            "kernels.launches",
            {"triton": "3.6.0", "calls": [{**CALL, "error": "TypeError: x"}]},
            "3.6.0: gae: TypeError: x",
        ),
        (
            "kernels.launches",
            {"triton": "3.9.0", "calls": [CALL]},
            "3.6.0: version 3.9.0 ran in its place",
        ),
    ],
)
def test_any_fault_ends_with_an_exit_status(stored, monkeypatch, capsys, module, answer, fault):
    if module:
        stored[module] = answer
    monkeypatch.setattr(sys, "argv", ["versions.py", "3.6.0", "--folder", "build"])
    assert versions.main() == int(fault is not None)
    printed = capsys.readouterr().out.splitlines()
    assert printed[2].startswith(f"| 3.6.0 | {int(module != 'kernels.report')} | 1 | ")
    assert (fault in printed) == (fault is not None)


def test_a_version_that_is_there_is_not_installed_again(tmp_path, monkeypatch):
    called = []
    monkeypatch.setattr(versions.subprocess, "run", lambda command, check: called.append(command))
    (tmp_path / "triton-3.6.0" / "triton").mkdir(parents=True)
    assert versions.installed("3.6.0", tmp_path) == tmp_path / "triton-3.6.0"
    assert called == []
    versions.installed("3.7.1", tmp_path)
    assert called[0][-3:] == ["--target", str(Path(tmp_path, "triton-3.7.1")), "triton==3.7.1"]
