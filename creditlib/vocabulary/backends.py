"""Which backends are installed, and on which devices each of them runs."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import os
import re
import warnings

import torch

from creditlib.vocabulary.messages import contract_error

__all__ = [
    "INSTALLED",
    "OLDEST",
    "PROBLEMS",
    "check_backend",
    "default_backend",
    "interpreted",
    "problem_of",
]

# The oldest versions that run every operation.
OLDEST = {"numba": (0, 60), "triton": (3, 6)}


def problem_of(name: str, version: str | None, disabled: bool = False) -> str:
    """Why a compiler is not used, '' if it is; `version` is None without an installed one.

    >>> problem_of("triton", "3.0.0"), problem_of("triton", "3.10.1")
    ('is version 3.0.0 and must be at least 3.6', '')
    """
    if version is None:
        return "is not installed"
    if disabled:
        return "is switched off by NUMBA_DISABLE_JIT"
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers and numbers < OLDEST[name]:
        return f"is version {version} and must be at least {'.'.join(map(str, OLDEST[name]))}"
    return ""


def _problem(name: str) -> str:
    version = None
    if importlib.util.find_spec(name) is not None:
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # a build under another name
            version = ""
    disabled = name == "numba" and os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
    return problem_of(name, version, disabled)


# Why a compiler is not used. It is looked for once, and imported when it is first used.
PROBLEMS = {name: _problem(name) for name in OLDEST}
# Whether a compiler is installed and new enough.
INSTALLED = {name: not problem for name, problem in PROBLEMS.items()}
_FASTEST = {"cuda": "triton", "cpu": "numba"}
_warned: set[str] = set()


def interpreted() -> bool:
    """Whether Triton's interpreter runs the kernels, on CPU tensors too: TRITON_INTERPRET=1."""
    return os.environ.get("TRITON_INTERPRET") == "1"


def default_backend(device_type: str) -> str:
    """The meaning of backend="auto" on a device.

    That is Triton on CUDA and numba on a CPU, each if it is installed and new enough, else torch.
    A compiler that is too old is warned of once.

    >>> default_backend("meta")
    'torch'
    """
    wanted = _FASTEST.get(device_type)
    if wanted is None:
        return "torch"
    if INSTALLED[wanted]:
        return wanted
    if "version" in PROBLEMS[wanted] and wanted not in _warned:
        _warned.add(wanted)
        text = f"creditlib computes without {wanted}, which {PROBLEMS[wanted]}"
        warnings.warn(text, RuntimeWarning, stacklevel=5)
    return "torch"


def check_backend(function: str, backend: str, device: torch.device) -> None:
    """Refuse, in the name of a function, a backend that cannot run on a device.

    >>> check_backend("gae", "torch", torch.device("cpu"))
    """
    if backend in ("auto", "torch"):
        return
    if not INSTALLED[backend]:
        wanted = "'auto', 'torch' or an installed backend"
        problem = PROBLEMS[backend] or "is not installed"
        raise contract_error(function, "backend", wanted, f"{backend!r}, which {problem}")
    if not _runs_on(backend, device.type):
        raise contract_error(function, "backend", f"one that runs on {device.type}", repr(backend))
    if torch.compiler.is_compiling():
        return  # an import cannot be traced
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
