"""The twins as operators of torch.library: torch.compile calls them and need not look inside."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from creditlib.ops import groups, returns, scan, spread, whitening
from creditlib.ops.precision import as_float, narrow, wide, written
from creditlib.ops.twins import twin

__all__ = ["OPERATORS"]

# What each operator takes and gives; `out` stays outside, since an operator may not return it.
_SCHEMAS = {
    "token_returns": "(Tensor reward, Tensor turn, float gamma, Tensor? present=None, "
    "Tensor? offsets=None) -> Tensor",
    "whitened_returns": "(Tensor reward, Tensor turn, float gamma, float eps, "
    "Tensor? present=None, Tensor? offsets=None) -> (Tensor, Tensor)",
    "gae": "(Tensor reward, Tensor value, Tensor turn, float gamma, float lam, "
    "Tensor? bootstrap=None, Tensor? present=None, Tensor? offsets=None) -> (Tensor, Tensor)",
    "turn_returns": "(Tensor x, Tensor real, float gamma) -> Tensor",
    "reverse_minimum": "(Tensor x, Tensor? row=None) -> Tensor",
    "to_tokens": "(Tensor credit, Tensor turn, Tensor? weight=None, Tensor? offsets=None) "
    "-> Tensor",
    "sum_turns": "(Tensor x, Tensor turn, SymInt turns, Tensor? offsets=None) -> Tensor",
    "moments": "(Tensor x, Tensor weight, float eps) -> (Tensor, Tensor)",
    "standardize": "(Tensor x, Tensor weight, float eps) -> Tensor",
    "standing": "(Tensor x, Tensor[] keys, Tensor take, str? by='mean', Tensor? weight=None, "
    "Tensor? leave_out=None, str? scale=None, int ddof=1, float eps=0.0, str at='std', "
    "float variance_eps=0.0, str? lone=None, Tensor? otherwise=None) -> Tensor",
}


_Given = dict[str, Any]
_Shape = Callable[[_Given], Any]


def _per_token(*names: str) -> _Shape:
    """A result with the shape of the turn map and the dtype of the named inputs."""

    def shape(given: _Given) -> Tensor:
        dtypes = [as_float(given[name]).dtype for name in names]
        dtype = functools.reduce(torch.promote_types, dtypes)
        return given["turn"].new_empty(given["turn"].shape, dtype=dtype)

    return shape


def _both(shape: _Shape) -> _Shape:
    return lambda given: (shape(given), shape(given))


def _like_x(given: _Given) -> Tensor:
    return given["x"].new_empty(given["x"].shape)


def _sums(given: _Given) -> Tensor:
    turn, offsets = given["turn"], given.get("offsets")
    rows = turn.shape[0] if offsets is None else offsets.shape[0] - 1
    return narrow(turn.new_empty(rows, given["turns"], dtype=torch.float64), given["x"])


# The results of the operators without their values: what tracing goes on with.
_SHAPES: dict[str, _Shape] = {
    "token_returns": _per_token("reward"),
    "whitened_returns": _both(_per_token("reward")),
    "gae": _both(_per_token("reward", "value")),
    "turn_returns": _like_x,
    "reverse_minimum": _like_x,
    "to_tokens": _per_token("credit"),
    "sum_turns": _sums,
    "moments": _both(lambda given: wide(given["x"].new_empty(()))),
    "standardize": _like_x,
    "standing": lambda given: wide(_like_x(given)),
}

_REFERENCES: tuple[Callable[..., Any], ...] = (
    returns.token_returns,
    returns.whitened_returns,
    returns.gae,
    returns.turn_returns,
    scan.reverse_minimum,
    spread.to_tokens,
    spread.sum_turns,
    whitening.moments,
    whitening.standardize,
    groups.standing,
)


def _operator(reference: Callable[..., Any], backend: str) -> Callable[..., Any]:
    name = reference.__name__
    names = [each for each in inspect.signature(reference).parameters if each != "out"]

    def run(*args: Any) -> Any:
        result = twin(reference, backend)(**dict(zip(names, args, strict=False)))
        # Two results of an operator may not be views of one tensor.
        return tuple(map(torch.clone, result)) if name == "moments" else result

    def shaped(*args: Any) -> Any:
        return _SHAPES[name](dict(zip(names, args, strict=False)))

    operator = torch.library.custom_op(
        f"creditlib::{name}_{backend}", run, mutates_args=(), schema=_SCHEMAS[name]
    )
    operator.register_fake(shaped)

    def call(*args: Any, out: Any = None, **options: Any) -> Any:
        result = operator(*args, **options)
        if out is None:
            return result
        if isinstance(out, Tensor):
            return written(result, out)
        return tuple(written(part, each) for part, each in zip(result, out, strict=True))

    return call


# (name of the reference, backend) -> what is called while torch.compile traces.
OPERATORS = {
    (reference.__name__, backend): _operator(reference, backend)
    for reference in _REFERENCES
    for backend in ("numba", "triton")
}
