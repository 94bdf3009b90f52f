"""A call checked against the vocabulary of its signature, before any arithmetic."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

from creditlib.annotations import Argument, Option, read
from creditlib.word import Word

__all__ = [
    "ContractError",
    "check_offsets",
    "check_tensors",
    "checked",
    "fact_of",
    "looking_is_free",
    "refuse",
]

_TOKEN = (("token", 0),)
_TOKEN_AXES = "axes of tokens"

P = ParamSpec("P")
R = TypeVar("R")


class ContractError(ValueError):
    """An argument breaks its contract; the message is one sentence that names both."""


def refuse(function: str, argument: str, contract: str, fact: str) -> ContractError:
    """The one sentence every refusal is made of.

    >>> print(refuse("grpo", "group", "int[batch]", "list"))
    grpo: `group` must be int[batch], got list.
    """
    return ContractError(f"{function}: `{argument}` must be {contract}, got {fact}.")


def fact_of(value: object) -> str:
    """What a wrong argument is, in words.

    >>> fact_of(torch.zeros(3)), fact_of([1])
    ('torch.float32 (3,)', 'list')
    """
    if isinstance(value, Tensor):
        if value.layout is not torch.strided:
            return str(value.layout)
        return f"{value.dtype} {tuple(value.shape)}"
    if value is None:
        return "None"
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def looking_is_free(x: Tensor) -> bool:
    """Whether reading a value waits for no device and breaks no graph.

    >>> looking_is_free(torch.zeros(1)), looking_is_free(torch.zeros(1, device="meta"))
    (True, False)
    """
    return x.device.type == "cpu" and not torch.compiler.is_compiling()


def check_offsets(name: str, offsets: Tensor, tokens: int) -> None:
    """Refuse offsets that do not rise from 0 to the number of tokens; reads values.

    >>> check_offsets("gae", torch.tensor([0, 2, 3]), 3)
    """
    wanted = f"rising from 0 to the {tokens} tokens"
    if int(offsets[0]) != 0 or int(offsets[-1]) != tokens:
        raise refuse(name, "offsets", wanted, f"{int(offsets[0])} to {int(offsets[-1])}")
    falls = offsets[1:] < offsets[:-1]
    if bool(falls.any()):
        row = int(falls.to(torch.uint8).argmax())
        fact = f"{int(offsets[row])} before {int(offsets[row + 1])}"
        raise refuse(name, "offsets", wanted, fact)


def _check_counts(
    name: str, given: Mapping[str, Any], sizes: Mapping[str, tuple[int, str]]
) -> None:
    """Counts that point outside a tensor would lose a reward: refused where looking is free."""
    count, turn = given.get("turn_count"), sizes.get("turn")
    if count is not None and turn is not None and looking_is_free(count) and len(count):
        valid = given.get("valid")
        most = int((count if valid is None else count * valid).max())
        if most > turn[0]:
            wanted = f"at most {turn[0]}, the turns of `{turn[1]}`"
            raise refuse(name, "turn_count", wanted, str(most))
    offsets, token = given.get("offsets"), sizes.get("token")
    packed = token is not None and sizes[_TOKEN_AXES][0] == 1
    if offsets is not None and token is not None and packed and looking_is_free(offsets):
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
        if tensor.name not in given:
            continue  # Python itself names what is missing
        value = given[tensor.name]
        if value is None and not tensor.required:
            continue
        if not isinstance(value, Tensor) or value.layout is not torch.strided:
            raise refuse(name, tensor.name, tensor.contract, fact_of(value))
        for shape in tensor.shapes:
            if shape.fits(value):
                break
        else:
            raise refuse(name, tensor.name, tensor.contract, fact_of(value))
        if first is None:
            first = (value.device, tensor.name)
        elif value.device != first[0]:
            contract = f"{tensor.contract} on {first[0]} like `{first[1]}`"
            raise refuse(name, tensor.name, contract, str(value.device))
        for (axis, extra), size in zip(shape.axes, value.shape, strict=True):
            if size < extra:
                raise refuse(name, tensor.name, tensor.contract, fact_of(value))
            bound = sizes.setdefault(axis, (size - extra, tensor.name))
            if bound[0] != size - extra:
                fact = f"{fact_of(value)} where `{bound[1]}` has {axis} {bound[0]}"
                raise refuse(name, tensor.name, tensor.contract, fact)
        if shape.axes[-1:] == _TOKEN:
            bound = sizes.setdefault(_TOKEN_AXES, (value.ndim, tensor.name))
            if bound[0] != value.ndim:
                layout = "padded" if bound[0] == 2 else "packed"
                fact = f"{fact_of(value)} where `{bound[1]}` is {layout}"
                raise refuse(name, tensor.name, tensor.contract, fact)
    return sizes


def _check_options(name: str, options: tuple[Option, ...], given: Mapping[str, Any]) -> None:
    for option in options:
        if option.name not in given:
            continue
        value = given[option.name]
        if value is None and option.optional:
            continue
        if option.choices is not None:
            if not any(type(value) is type(it) and value == it for it in option.choices):
                words = [repr(choice) for choice in option.choices]
                contract = "one of " + ", ".join(words + (["None"] if option.optional else []))
                raise refuse(name, option.name, contract, repr(value))
        elif option.word is not None:
            _check_number(name, option, option.word, value)


def _check_number(name: str, option: Option, word: Word, value: object) -> None:
    fact = fact_of(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        right = math.isfinite(value) and not (option.whole and isinstance(value, float))
        if right and word.allows(value):
            return
        fact = repr(value)
    contract = f"{'an integer' if option.whole else 'a number'} {word.range()}".rstrip()
    raise refuse(name, option.name, contract, fact)


def _document(function: Callable[..., Any], tensors: tuple[Argument, ...]) -> str:
    """The docstring with the vocabulary's lines below it: a meaning is written in one place."""
    lines = [
        f"    {tensor.name}: {tensor.contract}{'' if tensor.required else ', optional'}; "
        f"{tensor.meaning}."
        for tensor in tensors
    ]
    return inspect.cleandoc(function.__doc__ or "") + "\n\nTensors:\n" + "\n".join(lines)


def checked(function: Callable[P, R], *, detach: bool = True) -> Callable[P, R]:
    """Check every call against the annotations, and detach what it returns.

    The checks are skipped under `torch.compile`, where they would be traced for nothing. What only
    moves values between layouts keeps their gradients: detach=False.
    """
    tensors, options = read(function)
    names = tuple(inspect.signature(function).parameters)
    title = function.__name__

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if not torch.compiler.is_compiling():
            given = {**dict(zip(names, args, strict=False)), **kwargs} if args else kwargs
            sizes = check_tensors(title, tensors, given)
            if options:
                _check_options(title, options, given)
            _check_counts(title, given, sizes)
        if not detach:
            return function(*args, **kwargs)
        with torch.no_grad():
            return function(*args, **kwargs)

    call.__doc__ = _document(function, tensors)
    return call
