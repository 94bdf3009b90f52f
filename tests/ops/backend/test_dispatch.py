"""Which implementation runs, and the sentence where none can."""

import pytest
import torch
from helpers import elsewhere

import creditlib as cl
from creditlib.ops.backend import dispatch
from creditlib.ops.backend.dispatch import choose_implementation, resolve_backend
from creditlib.ops.returns import reference as returns
from creditlib.vocabulary import backends

CPU, CUDA, META = (torch.device(name) for name in ("cpu", "cuda", "meta"))


@pytest.fixture
def everything_installed(monkeypatch):
    for name in ("numba", "triton"):
        monkeypatch.setitem(backends.INSTALLED, name, True)
    monkeypatch.setattr(backends, "interpreted", lambda: False)
    monkeypatch.setattr(backends, "_import_problem", lambda backend: "")


@pytest.fixture
def nothing_installed(monkeypatch):
    for name in ("numba", "triton"):
        monkeypatch.setitem(backends.INSTALLED, name, False)


def test_the_backends_of_auto(everything_installed):
    found = [resolve_backend("f", "auto", device) for device in (CPU, CUDA, META)]
    assert found == ["numba", "triton", "torch"]


def test_auto_is_torch_where_nothing_is_installed(nothing_installed):
    assert [resolve_backend("f", "auto", device) for device in (CPU, CUDA, META)] == ["torch"] * 3


def test_a_backend_that_cannot_run_is_refused(everything_installed, monkeypatch, refusal):
    assert resolve_backend("f", "numba", CPU) == "numba"
    assert resolve_backend("f", "triton", CUDA) == "triton"
    assert refusal(resolve_backend, "gae", "numba", CUDA) == (
        "gae: `backend` must be one that runs on cuda, got 'numba'."
    )
    assert refusal(resolve_backend, "gae", "triton", CPU) == (
        "gae: `backend` must be one that runs on cpu, got 'triton'."
    )
    monkeypatch.setattr(backends, "interpreted", lambda: True)
    assert resolve_backend("f", "triton", CPU) == "triton"


def test_a_backend_that_is_not_installed_is_refused(nothing_installed, refusal):
    assert refusal(resolve_backend, "gae", "numba", CPU) == (
        "gae: `backend` must be 'auto', 'torch' or an installed backend, "
        "got 'numba', which is not installed."
    )


def test_an_estimator_refuses_in_its_own_name(nothing_installed, refusal):
    sentence = refusal(cl.rloo, reward=torch.ones(1), group=torch.tensor([0]), backend="numba")
    assert sentence == (
        "rloo: `backend` must be 'auto', 'torch' or an installed backend, "
        "got 'numba', which is not installed."
    )


def test_an_unknown_backend_is_refused(refusal):
    sentence = refusal(
        cl.to_tokens, torch.zeros(1), torch.zeros(1, 2, dtype=torch.int64), backend="jax"
    )
    assert sentence == (
        "to_tokens: `backend` must be one of 'auto', 'torch', 'numba', 'triton', got 'jax'."
    )


def test_an_implementation_is_chosen(backend):
    if backend == "triton" and torch.cuda.is_available():
        pytest.skip("tests move its tensors: it is wrapped")
    chosen = choose_implementation(returns.gae, "auto", CPU, {})
    file = {"torch": "reference", "numba": "numba_loops", "triton": "triton_launch"}[backend]
    assert chosen.__module__ == f"creditlib.ops.returns.{file}"


def test_a_compiler_that_cannot_be_imported(everything_installed, monkeypatch, refusal):
    def broken(reference, backend):
        raise ImportError("needs an older numpy")

    monkeypatch.setattr(dispatch, "implementation_of", broken)
    assert refusal(choose_implementation, returns.gae, "numba", CPU, {}) == (
        "gae: `backend` must be one that can be imported, got 'numba' (needs an older numpy)."
    )
    text = "creditlib computes without numba, which cannot be imported: needs an older numpy"
    with pytest.warns(RuntimeWarning, match=text):
        assert choose_implementation(returns.gae, "auto", CPU, {}) is returns.gae
    # The warning comes once: from here on "auto" is torch.
    assert choose_implementation(returns.gae, "auto", CPU, {}) is returns.gae


def test_a_compiler_that_cannot_be_imported_is_refused_by_the_function_that_was_called(
    everything_installed, monkeypatch, refusal
):
    monkeypatch.setattr(backends, "_import_problem", lambda backend: "needs an older numpy")
    sentence = refusal(cl.rloo, reward=torch.ones(1), group=torch.tensor([0]), backend="numba")
    assert sentence == (
        "rloo: `backend` must be one that can be imported, got 'numba' (needs an older numpy)."
    )


def test_a_function_that_computes_on_another_device_writes_into_out():
    out = torch.zeros(2)
    call = elsewhere(lambda x, *, by: x + by[0], "cpu")
    assert call(torch.tensor([1.0, 2.0]), by=(torch.tensor(3.0),), out=out) is out
    assert out.tolist() == [4, 5]
    assert call(torch.tensor([1.0]), by=(1.0,)).tolist() == [2]
