"""A call checked against the vocabulary of its signature, before any arithmetic."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar, cast

import torch
from torch import Tensor

from creditlib.vocabulary.annotations import Argument, Option, read
from creditlib.vocabulary.argument_spec import ArgumentSpec
from creditlib.vocabulary.backends import check_backend
from creditlib.vocabulary.help import document
from creditlib.vocabulary.messages import ContractError, contract_error, describe_value

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


def can_read_values(x: Tensor) -> bool:
    """Whether reading a value waits for no device and breaks no graph.

    >>> can_read_values(torch.zeros(1)), can_read_values(torch.zeros(1, device="meta"))
    (True, False)
    """
    return x.device.type == "cpu" and not torch.compiler.is_compiling()


def check_offsets(name: str, offsets: Tensor, tokens: int) -> None:
    """Refuse offsets that do not rise from 0 to the number of tokens; reads values.

    >>> check_offsets("gae", torch.tensor([0, 2, 3]), 3)
    """
    wanted = f"rising from 0 to the {tokens} tokens"
    if int(offsets[0]) != 0 or int(offsets[-1]) != tokens:
        raise contract_error(name, "offsets", wanted, f"{int(offsets[0])} to {int(offsets[-1])}")
    falls = offsets[1:] < offsets[:-1]
    if bool(falls.any()):
        row = int(falls.to(torch.uint8).argmax())
        fact = f"{int(offsets[row])} before {int(offsets[row + 1])}"
        raise contract_error(name, "offsets", wanted, fact)


def _check_counts(
    name: str, given: Mapping[str, Any], sizes: Mapping[str, tuple[int, str]]
) -> None:
    """Refuse counts that point outside a tensor, where values can be read: they lose rewards."""
    count, turn = given.get("turn_count"), sizes.get("turn")
    if count is not None and turn is not None and can_read_values(count) and len(count):
        valid = given.get("valid")
        most = int((count if valid is None else count * valid).max())
        if most > turn[0]:
            wanted = f"at most {turn[0]}, the turns of `{turn[1]}`"
            raise contract_error(name, "turn_count", wanted, str(most))
    offsets, token = given.get("offsets"), sizes.get("token")
    packed = token is not None and sizes[_TOKEN_AXES][0] == 1
    if offsets is not None and token is not None and packed and can_read_values(offsets):
        check_offsets(name, offsets, token[0])


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
            raise contract_error(name, tensor.name, tensor.contract, describe_value(value))
        dtype, axes = value.dtype, value.ndim
        for shape in tensor.shapes:  # `Shape.fits`, without a call
            if dtype in shape.dtypes and axes == shape.ndim:
                break
        else:
            raise contract_error(name, tensor.name, tensor.contract, describe_value(value))
        if first is None:
            first = (value.device, tensor.name)
        elif value.device != first[0]:
            contract = f"{tensor.contract} on {first[0]} like `{first[1]}`"
            raise contract_error(name, tensor.name, contract, str(value.device))
        for (axis, extra), size in zip(shape.axes, value.shape, strict=True):
            if size < extra:
                raise contract_error(name, tensor.name, tensor.contract, describe_value(value))
            bound = sizes.setdefault(axis, (size - extra, tensor.name))
            if bound[0] != size - extra:
                fact = f"{describe_value(value)} where `{bound[1]}` has {axis} {bound[0]}"
                raise contract_error(name, tensor.name, tensor.contract, fact)
        if shape.of_tokens:
            bound = sizes.setdefault(_TOKEN_AXES, (value.ndim, tensor.name))
            if bound[0] != value.ndim:
                layout = "padded" if bound[0] == 2 else "packed"
                fact = f"{describe_value(value)} where `{bound[1]}` is {layout}"
                raise contract_error(name, tensor.name, tensor.contract, fact)
    return sizes


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
                raise contract_error(name, option.name, contract, repr(value))
        elif option.spec is not None and option.numeric:
            _check_number(name, option, option.spec, value)


def _check_number(name: str, option: Option, spec: ArgumentSpec, value: object) -> None:
    fact = ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        right = math.isfinite(value) and not (option.whole and isinstance(value, float))
        if right and spec.allows(value):
            return
        fact = repr(value)
    contract = f"{'an integer' if option.whole else 'a number'} {spec.range()}".rstrip()
    raise contract_error(name, option.name, contract, fact or describe_value(value))


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
    for name in values:
        value = given.get(name)
        if value is not None and value.dtype is torch.float64:
            return result
    if isinstance(result, Tensor):
        return result.to(torch.float32)
    return tuple(part.to(torch.float32) if _is_float64(part) else part for part in result)


def _is_float64(value: object) -> bool:
    return isinstance(value, Tensor) and value.dtype is torch.float64


def checked(function: Callable[P, R], *, detach: bool = True) -> Callable[P, R]:
    """Check every call against the annotations, and detach what it returns.

    A result in float64 is rounded to float32, unless a value was given in float64. The docstring
    gets sections on tensors, options, the result, broken laws and errors. The checks are skipped
    under `torch.compile`. With detach=False gradients and dtypes are kept, for a function that
    only moves values between layouts.
    """
    tensors, options = read(function)
    names = tuple(inspect.signature(function).parameters)
    named = {option.name: option for option in options}
    title = function.__name__
    values = tuple(t.name for t in tensors if t.shapes[0].kind in ("float", "real"))
    values = values or tuple(t.name for t in tensors)  # lengths may be floats: the last resort

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        given = {**dict(zip(names, args, strict=False)), **kwargs} if args else kwargs
        if not torch.compiler.is_compiling():
            sizes = check_tensors(title, tensors, given)
            if named:
                _check_options(title, named, given)
                if "backend" in given:
                    _check_backend(title, tensors, given)
            _check_counts(title, given, sizes)
        if not detach:
            return function(*args, **kwargs)
        with torch.no_grad():
            result = function(*args, **kwargs)
        if isinstance(result, Tensor):
            if result.dtype is not torch.float64:
                return result
        elif not isinstance(result, tuple) or not any(map(_is_float64, result)):
            return result  # as it is: a named tuple keeps its names
        return cast("R", _rounded(result, values, given))

    call.__doc__ = document(function)
    return call
