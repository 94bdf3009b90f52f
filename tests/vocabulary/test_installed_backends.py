import sys

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
