"""What every test file shares: repeatable random tests, backends, and the sentence of a refusal."""

import os

import pytest
import torch
from hypothesis import HealthCheck, settings

# Before anything imports triton: without a GPU its kernels run in the interpreter.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")

from helpers import BACKENDS, QUICK, implementation

from creditlib.contract import ContractError
from creditlib.ops import dispatch

# No deadline: nothing here measures time. Derandomised: a failure is the same everywhere.
# A fixture that sets the backend stays the same for all examples of a test.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("repeatable")


def means(monkeypatch, chosen):
    """Let backend="auto" mean one backend; kernels run on the GPU if there is one."""
    monkeypatch.setattr(
        dispatch, "twin", lambda reference, backend: implementation(reference, backend)
    )
    monkeypatch.setattr(dispatch, "usual", lambda device: "torch" if device == "meta" else chosen)
    return chosen


@pytest.fixture(params=BACKENDS)
def backend(request, monkeypatch):
    """Every backend there is, in turn: what backend="auto" means in the test."""
    return means(monkeypatch, request.param)


@pytest.fixture(params=QUICK)
def quick_backend(request, monkeypatch):
    """The backends that are fast enough for many calls; an interpreter of kernels is not."""
    return means(monkeypatch, request.param)


@pytest.fixture
def refusal():
    """The whole sentence with which a call is refused."""

    def sentence(function, *args, **kwargs):
        with pytest.raises(ContractError) as caught:
            function(*args, **kwargs)
        return str(caught.value)

    return sentence


@pytest.fixture
def allocator_left_alone(monkeypatch):
    """Benchmarks warm malloc for good; a process that tests keeps its own."""
    from benchmarks import allocator

    monkeypatch.setattr(allocator, "warm", lambda size=0: True)
