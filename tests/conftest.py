"""What every test file shares: repeatable random tests, backends, nightly tests, refusals."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

# Before anything imports triton: without a GPU its kernels run in the interpreter.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")

# No thread loads compiled loops while a test replaces what they are made of.
os.environ.setdefault("CREDITLIB_WARM_UP", "0")

import interpreter

# Each worker of pytest-xdist has a core: more threads would only wait for each other's cores.
# Tests of threads set their own number.
if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)

from helpers import BACKENDS, QUICK, implementation

from creditlib.ops.backend import dispatch
from creditlib.vocabulary.contract import ContractError

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

interpreter.replace_once()

# Processes that tests start import the package and the benchmarks where they are not installed.
_KNOWN = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, _KNOWN))

# pytest would look for doctests in them, and takes two files of one name for one module.
collect_ignore_glob = ["*/conftest.py"]

EXAMPLES, EXAMPLES_NIGHTLY = 50, 200  # batches for each law and function


def pytest_addoption(parser):
    help = "run the tests marked nightly too, and the laws with 200 batches instead of 50"
    parser.addoption("--nightly", action="store_true", help=help)


def pytest_collection_modifyitems(config, items):
    """Tests marked nightly run with --nightly only."""
    if config.getoption("--nightly"):
        return
    late = [item for item in items if item.get_closest_marker("nightly")]
    if late:
        config.hook.pytest_deselected(items=late)
        items[:] = [item for item in items if not item.get_closest_marker("nightly")]


@pytest.fixture(scope="session")
def examples(request):
    """How many batches each law gets."""
    return EXAMPLES_NIGHTLY if request.config.getoption("--nightly") else EXAMPLES


def means(monkeypatch, chosen):
    """Let backend="auto" mean one backend; kernels run on the GPU if there is one."""
    monkeypatch.setattr(
        dispatch, "implementation_of", lambda reference, backend: implementation(reference, backend)
    )
    monkeypatch.setattr(
        dispatch, "default_backend", lambda device: "torch" if device == "meta" else chosen
    )
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


@pytest.fixture
def memory():
    """The address of an empty store of fsspec, in the memory of this process."""
    from store_cases import MEMORY, emptied

    emptied()
    yield MEMORY
    emptied()
