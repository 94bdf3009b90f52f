"""Which backends are installed, and on which devices each of them runs."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os

import torch

from creditlib.vocabulary.messages import contract_error

__all__ = ["INSTALLED", "check_backend", "default_backend", "interpreted"]

# Whether a compiler is installed. It is looked for once, and imported when it is first used.
INSTALLED = {name: importlib.util.find_spec(name) is not None for name in ("numba", "triton")}


def interpreted() -> bool:
    """Whether Triton's interpreter runs the kernels, on CPU tensors too: TRITON_INTERPRET=1."""
    return os.environ.get("TRITON_INTERPRET") == "1"


def default_backend(device_type: str) -> str:
    """The meaning of backend="auto" on a device.

    That is Triton on CUDA and numba on a CPU, each if it is installed, else torch.

    >>> default_backend("meta")
    'torch'
    """
    if device_type == "cuda" and INSTALLED["triton"]:
        return "triton"
    return "numba" if device_type == "cpu" and INSTALLED["numba"] else "torch"


def check_backend(function: str, backend: str, device: torch.device) -> None:
    """Refuse, in the name of a function, a backend that cannot run on a device.

    >>> check_backend("gae", "torch", torch.device("cpu"))
    """
    if backend in ("auto", "torch"):
        return
    if not INSTALLED[backend]:
        wanted = "'auto', 'torch' or an installed backend"
        raise contract_error(function, "backend", wanted, f"{backend!r}, which is not installed")
    if not _runs_on(backend, device.type):
        raise contract_error(function, "backend", f"one that runs on {device.type}", repr(backend))
    problem = _import_problem(backend)
    if problem:
        wanted = "one that can be imported"
        raise contract_error(function, "backend", wanted, f"{backend!r} ({problem})")


def _runs_on(backend: str, device_type: str) -> bool:
    if backend == "numba":
        return device_type == "cpu"
    return device_type == "cuda" or (device_type == "cpu" and interpreted())


@functools.cache
def _import_problem(backend: str) -> str:
    """The error that the import of a compiler raises, '' if it can be imported."""
    try:
        importlib.import_module(backend)
    except ImportError as error:  # numba refuses a numpy that is newer than it knows
        return str(error)
    return ""
