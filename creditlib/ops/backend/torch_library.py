"""Implementations as operators of torch.library: torch.compile calls them and traces no further."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor

from creditlib.ops.backend.lookup import FILES, implementation_of
from creditlib.ops.backend.sizes import SizeCheck
from creditlib.ops.precision import as_float, copy_to_out

__all__ = ["Shape", "custom_operators", "per_token"]

# From the arguments by name to a result without values: tracing goes on with it.
Shape: TypeAlias = Callable[[Mapping[str, Any]], Any]


def per_token(*names: str) -> Shape:
    """A result with the shape of the turn map and the dtype of the named arguments.

    >>> given = {"turn": torch.zeros(2, 3), "reward": torch.zeros(2, 3, dtype=torch.float16)}
    >>> per_token("reward")(given).dtype
    torch.float32
    """

    def shape(given: Mapping[str, Any]) -> Tensor:
        dtypes = [as_float(given[name]).dtype for name in names]
        dtype = functools.reduce(torch.promote_types, dtypes)
        return given["turn"].new_empty(given["turn"].shape, dtype=dtype)

    return shape


def custom_operators(
    reference: Callable[..., Any],
    schema: str,
    shape: Shape,
    check: SizeCheck,
    *,
    clones: bool = False,
    whole: bool = False,
) -> dict[str, Callable[..., Any]]:
    """What torch.compile calls instead of an implementation, by backend.

    `whole`: the reference is an operator too, because it walks columns, which tracing would unroll
    and compile again for every width. An operator checks its sizes when it runs: nobody has looked
    at them while the call was traced. It may not return `out`: the result is copied into it
    afterwards.
    """
    return {
        backend: _operator(reference, backend, schema, shape, check, clones)
        for backend in ([*FILES, "torch"] if whole else FILES)
    }


def _checked_result(
    reference: Callable[..., Any], backend: str, check: SizeCheck, given: Mapping[str, Any]
) -> Any:
    check(reference.__name__, given)
    if backend == "torch":
        return reference(**given)
    return implementation_of(reference, backend)(**given)


def _operator(
    reference: Callable[..., Any],
    backend: str,
    schema: str,
    shape: Shape,
    check: SizeCheck,
    clones: bool,
) -> Callable[..., Any]:
    names = [each for each in inspect.signature(reference).parameters if each != "out"]

    def run(*args: Any) -> Any:
        result = _checked_result(reference, backend, check, dict(zip(names, args, strict=False)))
        # Two results of an operator may not be views of one tensor.
        return tuple(map(torch.clone, result)) if clones else result

    def empty(*args: Any) -> Any:
        return shape(dict(zip(names, args, strict=False)))

    operator = torch.library.custom_op(
        f"creditlib::{reference.__name__}_{backend}", run, mutates_args=(), schema=schema
    )
    operator.register_fake(empty)

    def call(*args: Any, out: Any = None, **options: Any) -> Any:
        result = operator(*args, **options)
        if out is None:
            return result
        if isinstance(out, Tensor):
            return copy_to_out(result, out)
        return tuple(copy_to_out(part, each) for part, each in zip(result, out, strict=True))

    return call
