import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from creditlib.vocabulary import backends
from creditlib.vocabulary.backends import check_backend, default_backend

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def installed(monkeypatch):
    """Both compilers are installed, and Triton's interpreter is off."""
    for name in ("numba", "triton"):
        monkeypatch.setitem(backends.INSTALLED, name, True)
    monkeypatch.setattr(backends, "interpreted", lambda: False)
    monkeypatch.setattr(backends, "_import_problem", lambda _: "")
    return monkeypatch


def test_auto_is_the_compiler_of_the_device_if_it_is_installed(installed):
    assert [default_backend(device) for device in ("cpu", "cuda", "mps")] == [
        *("numba", "triton", "torch")
    ]
    installed.setitem(backends.INSTALLED, "numba", False)
    installed.setitem(backends.INSTALLED, "triton", False)
    assert [default_backend(device) for device in ("cpu", "cuda")] == ["torch", "torch"]


@pytest.mark.parametrize(
    ("backend", "device"),
    [("auto", CUDA), ("torch", CUDA), ("numba", CPU), ("triton", CUDA)],
)
def test_a_backend_that_runs_on_the_device_passes(backend, device, installed):
    check_backend("gae", backend, device)


def test_a_backend_of_another_device_is_refused(installed, refusal):
    assert refusal(check_backend, "gae", "numba", CUDA) == (
        "gae: `backend` must be one that runs on cuda, got 'numba'."
    )
    assert refusal(check_backend, "gae", "triton", CPU) == (
        "gae: `backend` must be one that runs on cpu, got 'triton'."
    )
    installed.setattr(backends, "interpreted", lambda: True)
    check_backend("gae", "triton", CPU)


def test_a_compiler_that_cannot_be_imported_is_refused(monkeypatch, refusal):
    monkeypatch.setitem(backends.INSTALLED, "numba", True)
    monkeypatch.setitem(sys.modules, "numba", None)
    backends._import_problem.cache_clear()
    try:
        sentence = refusal(check_backend, "gae", "numba", CPU)
    finally:
        backends._import_problem.cache_clear()
    assert sentence.startswith("gae: `backend` must be one that can be imported, got 'numba' (")


def test_the_interpreter_is_switched_on_by_tritons_own_variable(monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert backends.interpreted()
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    assert not backends.interpreted()


@pytest.mark.parametrize(
    ("name", "version", "problem"),
    [
        ("triton", None, "is not installed"),
        ("triton", "3.0.0", "is version 3.0.0 and must be at least 3.6"),
        ("triton", "3.5.1", "is version 3.5.1 and must be at least 3.6"),
        ("triton", "3.6.0", ""),
        ("triton", "3.10.0+git", ""),
        ("triton", "", ""),
        ("numba", "0.59.1", "is version 0.59.1 and must be at least 0.60"),
        ("numba", "0.60.0", ""),
        ("numba", "1.0", ""),
    ],
)
def test_a_compiler_must_be_new_enough(name, version, problem):
    assert backends.problem_of(name, version) == problem


def test_an_old_compiler_is_warned_of_once_and_refused_if_asked_for(installed, refusal):
    installed.setitem(backends.INSTALLED, "triton", False)
    installed.setitem(backends.PROBLEMS, "triton", backends.problem_of("triton", "3.0.0"))
    installed.setattr(backends, "_warned", set())
    said = "which is version 3.0.0 and must be at least 3.6"
    with pytest.warns(RuntimeWarning, match=said) as caught:
        assert default_backend("cuda") == "torch"
    assert len(caught) == 1
    assert default_backend("cuda") == "torch"
    assert refusal(check_backend, "gae", "triton", CUDA) == (
        f"gae: `backend` must be 'auto', 'torch' or an installed backend, got 'triton', {said}."
    )


def test_the_bounds_are_those_of_the_package():
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    for name, oldest in backends.OLDEST.items():
        assert f'"{name}>={".".join(map(str, oldest))}' in text


PROGRAM = """
import torch
import creditlib as cl
x = torch.tensor([1.0, 3.0])
print(cl.whiten(x, torch.tensor([1, 1]), eps=0.0).tolist())
"""


def test_a_numba_that_compiles_nothing_is_not_used():
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "[-0.7071067690849304, 0.7071067690849304]\n"
