"""A call checked against the vocabulary of its signature, before any arithmetic."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
import torch
from torch import Tensor

from creditlib.vocabulary.annotations import Argument, Option, read
from creditlib.vocabulary.argument_spec import ArgumentSpec
from creditlib.vocabulary.backends import check_backend
from creditlib.vocabulary.call_names import CallNames
from creditlib.vocabulary.conversions import arguments_converted, convertible_arguments
from creditlib.vocabulary.help import document, signature_with_values
from creditlib.vocabulary.messages import (
    ContractError,
    contract_error,
    describe_value,
    did_you_mean,
)
from creditlib.vocabulary.out import refuse_shared_memory
from creditlib.vocabulary.remedies import remedy_of_size, remedy_of_tensor
from creditlib.vocabulary.small_values import (
    can_read_values,
    check_offsets,
    check_values,
    has_small_values,
)

__all__ = [
    "ContractError",
    "can_read_values",
    "check_offsets",
    "check_tensors",
    "checked",
    "contract_error",
    "describe_value",
]

_TOKEN_AXES = "axes of tokens"

P = ParamSpec("P")
R = TypeVar("R")


def check_tensors(
    name: str, tensors: tuple[Argument, ...], given: Mapping[str, Any]
) -> dict[str, tuple[int, str]]:
    """Refuse, in the name of a function, the first tensor that breaks its contract.

    Returns the size of every axis and the tensor that bound it.

    Type and layout, then dtype and number of axes, then device, then sizes: an axis is bound by
    the first tensor that has it. Tokens are all padded or all packed.
    """
    sizes: dict[str, tuple[int, str]] = {}
    first: tuple[torch.device, str] | None = None
    for tensor in tensors:
        value = given.get(tensor.name)
        if value is None and (not tensor.required or tensor.name not in given):
            continue  # Python itself names a required tensor that is missing
        if not isinstance(value, Tensor) or value.layout is not torch.strided:
            raise _wrong_tensor(name, tensor, value)
        dtype, axes = value.dtype, value.ndim
        for shape in tensor.shapes:  # `Shape.fits`, without a call
            if axes == shape.ndim and (dtype in shape.dtypes or dtype in tensor.also):
                break
        else:
            raise _wrong_tensor(name, tensor, value)
        if first is None:
            first = (value.device, tensor.name)
        elif value.device != first[0]:
            contract = f"{tensor.contract} on {first[0]} like `{first[1]}`"
            raise contract_error(name, tensor.name, contract, str(value.device))
        for (axis, extra), size in zip(shape.axes, value.shape):  # noqa: B905  # as many: see above
            if size < extra:
                raise contract_error(name, tensor.name, tensor.contract, describe_value(value))
            bound = sizes.get(axis)
            if bound is None:
                sizes[axis] = (size - extra, tensor.name)
            elif bound[0] != size - extra:
                fact = f"{describe_value(value)} where `{bound[1]}` has {axis} {bound[0]}"
                remedy = remedy_of_size(tensor, tuple(a for a, _ in shape.axes), value, sizes)
                raise contract_error(name, tensor.name, tensor.contract, fact, remedy)
        if shape.of_tokens:
            bound = sizes.setdefault(_TOKEN_AXES, (value.ndim, tensor.name))
            if bound[0] != value.ndim:
                layout = "padded" if bound[0] == 2 else "packed"
                fact = f"{describe_value(value)} where `{bound[1]}` is {layout}"
                raise contract_error(name, tensor.name, tensor.contract, fact)
    return sizes


def _wrong_tensor(name: str, tensor: Argument, value: object) -> ContractError:
    remedy = remedy_of_tensor(tensor, value)
    return contract_error(name, tensor.name, tensor.contract, describe_value(value), remedy)


def _check_options(name: str, options: Mapping[str, Option], given: Mapping[str, Any]) -> None:
    """Refuse the first option of a call that is no choice of its own or out of range."""
    for key, value in given.items():
        option = options.get(key)
        if option is None or (value is None and option.optional):
            continue
        if option.choices is not None:
            if not any(type(value) is type(it) and value == it for it in option.choices):
                words = [repr(choice) for choice in option.choices]
                contract = "one of " + ", ".join(words + (["None"] if option.optional else []))
                near = did_you_mean(value, filter(_is_text, option.choices))
                raise contract_error(name, option.name, contract, f"{value!r}{near}")
        elif option.spec is not None and option.numeric:
            _check_number(name, option, option.spec, value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _check_number(name: str, option: Option, spec: ArgumentSpec, value: object) -> None:
    fact = remedy = ""
    if isinstance(value, (int, float, np.floating, np.integer)) and not isinstance(value, bool):
        broken = isinstance(value, (float, np.floating)) or abs(value) >= 2**62
        right = (option.whole or math.isfinite(value)) and not (option.whole and broken)
        if right and spec.allows(float(value)):
            return
        fact = repr(value)
        if (spec.low, spec.high) == (0, 1) and 2 <= value <= 100 and right:
            remedy = f"write {value / 100:g} for {value:g} %"
    contract = f"{'an integer' if option.whole else 'a number'} {spec.range()}".rstrip()
    raise contract_error(name, option.name, contract, fact or describe_value(value), remedy)


def _check_backend(name: str, tensors: tuple[Argument, ...], given: Mapping[str, Any]) -> None:
    """Refuse, in the name of the called function, an explicit backend that cannot run."""
    backend = given["backend"]
    if backend == "auto" or backend == "torch":
        return
    for tensor in tensors:
        value = given.get(tensor.name)
        if isinstance(value, Tensor):
            check_backend(name, backend, value.device)
            return


def _rounded(result: Any, values: tuple[str, ...], given: Mapping[str, Any]) -> Any:
    """The result in float32 where it was computed in float64 from values that are not float64."""
    if isinstance(result, Tensor):
        if result.dtype is not torch.float64:
            return result
    elif not isinstance(result, tuple) or not any(map(_is_float64, cast("Any", result))):
        return result  # as it is: a named tuple keeps its names
    for name in values:
        value = given.get(name)
        if value is not None and value.dtype is torch.float64:
            return result
    if isinstance(result, Tensor):
        return result.to(torch.float32)
    return tuple(part.to(torch.float32) if _is_float64(part) else part for part in result)


def _detached(value: Any) -> Any:
    """A tensor without its gradient; a tensor without any stays the same object."""
    return value.detach() if isinstance(value, Tensor) and value.requires_grad else value


def _without_gradient(
    body: Callable[..., Any], places: tuple[Any, ...], named: dict[str, Any], compiling: bool
) -> Any:
    """The result of a call that records no gradient."""
    if compiling:
        # An operator that refuses would leave its graph with gradients switched off.
        return body(*map(_detached, places), **{n: _detached(x) for n, x in named.items()})
    if not torch.is_grad_enabled():
        return body(*places, **named)
    torch.set_grad_enabled(False)  # what `torch.no_grad` does, at half its cost
    try:
        return body(*places, **named)
    finally:
        torch.set_grad_enabled(True)


def _is_float64(value: object) -> bool:
    return isinstance(value, Tensor) and value.dtype is torch.float64


def _check_offsets(
    name: str, given: Mapping[str, Any], sizes: Mapping[str, tuple[int, str]]
) -> None:
    """Refuse offsets that do not cover the packed tokens, where values can be read."""
    offsets, token = given.get("offsets"), sizes.get("token")
    packed = token is not None and sizes[_TOKEN_AXES][0] == 1
    if offsets is not None and token is not None and packed and can_read_values(offsets):
        check_offsets(name, offsets, token[0])


def checked(function: Callable[P, R], *, detach: bool = True, in_place: str = "") -> Callable[P, R]:
    """Check every call against the annotations, and detach what it returns.

    A result in float64 is rounded to float32, unless a value was given in float64. The docstring
    gets sections on tensors, options, the result, broken laws and errors. Counts and flags given
    as rewards, and a mask given as `turn`, are converted. Under `torch.compile` names, tensors and
    options are checked while the call is traced, and values are not. With detach=False gradients
    and dtypes are kept, for a function that only moves values between layouts. `in_place` names
    the tensor that `out` may be.
    """
    tensors, options = read(function)
    for tensor in tensors:
        tensor.prepare()
    signature = inspect.signature(function)
    parameters = tuple(signature.parameters)
    names = CallNames.of(function)
    # Counts first: they say which values are read.
    numbers = tuple(sorted(filter(has_small_values, tensors), key=lambda t: t.name != "turn_count"))
    remedy = "leave the row out with `valid`" if "valid" in parameters else ""
    convertible = convertible_arguments(tensors)
    named = {option.name: option for option in options}
    title = function.__name__
    values = tuple(t.name for t in tensors if t.shapes[0].kind in ("float", "real"))
    values = values or tuple(t.name for t in tensors)  # lengths may be floats: the last resort

    body: Callable[..., Any] = function

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        places: tuple[Any, ...] = args
        given: dict[str, Any] = cast("dict[str, Any]", kwargs)
        by_name = given
        if args:
            given = {**dict(zip(parameters, args, strict=False)), **kwargs}
        if not names.allow(len(args), given):
            raise names.error(title, tensors, len(args), given)
        sizes = check_tensors(title, tensors, given)
        if named:
            _check_options(title, named, given)
        compiling = torch.compiler.is_compiling()
        if not compiling:
            if "backend" in given and named:
                _check_backend(title, tensors, given)
            if "offsets" in given:
                _check_offsets(title, given, sizes)
            check_values(title, numbers, given, sizes, remedy)
            if given.get("out") is not None:
                refuse_shared_memory(title, given, in_place)
        for name, dtypes in convertible:
            value = given.get(name)
            if value is not None and value.dtype in dtypes:
                places, by_name = arguments_converted(convertible, parameters, places, by_name)
                break
        if not detach:
            return body(*places, **by_name)
        return _rounded(_without_gradient(body, places, by_name, compiling), values, given)

    call.__doc__ = document(function, signature)
    cast("Any", call).__signature__ = signature_with_values(function, signature)
    return call
