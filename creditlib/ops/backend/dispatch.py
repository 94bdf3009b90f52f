"""The one place where a backend is chosen: torch, numba or triton."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import ParamSpec, TypeVar

import torch

from creditlib.ops.backend.lookup import implementation_of
from creditlib.vocabulary.backends import INSTALLED, check_backend, default_backend
from creditlib.vocabulary.messages import contract_error

__all__ = ["choose_implementation", "resolve_backend", "runs_compiled_loops"]

P = ParamSpec("P")
R = TypeVar("R")


def resolve_backend(operation: str, backend: str, device: torch.device) -> str:
    """The backend that runs on a device; one that cannot is refused in the name of the operation.

    >>> resolve_backend("gae", "torch", torch.device("cpu"))
    'torch'
    """
    if backend == "auto":
        return default_backend(device.type)
    check_backend(operation, backend, device)
    return backend


def runs_compiled_loops(backend: str, device: torch.device) -> bool:
    """Whether numba computes on a device, outside of torch.compile.

    >>> runs_compiled_loops("torch", torch.device("cpu"))
    False
    """
    if backend == "auto":
        backend = default_backend(device.type)
    return (
        backend == "numba"
        and device.type == "cpu"
        and INSTALLED["numba"]
        and not torch.compiler.is_compiling()
    )


def choose_implementation(
    reference: Callable[P, R],
    backend: str,
    device: torch.device,
    operators: Mapping[str, Callable[..., R]],
) -> Callable[..., R]:
    """The implementation of an operation that runs on a device.

    While torch.compile traces, an implementation is an operator of torch.library: `operators` holds
    them by backend, and the graph stays whole. A backend whose compiler cannot be imported is
    refused if the caller asked for it. With "auto" a warning is given once, and the reference runs.

    >>> from creditlib.ops.returns.reference import gae
    >>> choose_implementation(gae, "torch", torch.device("cpu"), {}) is gae
    True
    """
    if backend == "auto":
        chosen = default_backend(device.type)
    else:
        chosen = resolve_backend(reference.__name__, backend, device)
    if torch.compiler.is_compiling():
        return operators.get(chosen, reference)
    if chosen == "torch":
        return reference
    try:
        return implementation_of(reference, chosen)
    except ImportError as error:  # numba refuses a numpy that is newer than it knows
        if backend != "auto":
            wanted = "one that can be imported"
            fact = f"{backend!r} ({error})"
            raise contract_error(reference.__name__, "backend", wanted, fact) from error
        INSTALLED[chosen] = False
        text = f"creditlib computes without {chosen}, which cannot be imported: {error}"
        warnings.warn(text, RuntimeWarning, stacklevel=4)
        return reference
