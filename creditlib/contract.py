"""A call checked against the vocabulary of its signature, before any arithmetic."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

from creditlib.annotations import Argument, Option, read
from creditlib.vocabulary import Word

__all__ = ["ContractError", "check_tensors", "checked", "fact_of", "refuse"]

_TOKEN = (("token", 0),)

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


def check_tensors(name: str, tensors: tuple[Argument, ...], given: Mapping[str, Any]) -> None:
    """Refuse, in the name of a function, the first tensor that breaks its contract.

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
            bound = sizes.setdefault("axes of tokens", (value.ndim, tensor.name))
            if bound[0] != value.ndim:
                layout = "padded" if bound[0] == 2 else "packed"
                fact = f"{fact_of(value)} where `{bound[1]}` is {layout}"
                raise refuse(name, tensor.name, tensor.contract, fact)


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
        if word.allows(value) and not (option.whole and isinstance(value, float)):
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


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Check every call against the annotations, and detach what it returns.

    The checks are skipped under `torch.compile`, where they would be traced for nothing.
    """
    tensors, options = read(function)
    names = tuple(inspect.signature(function).parameters)
    title = function.__name__

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if not torch.compiler.is_compiling():
            given = {**dict(zip(names, args, strict=False)), **kwargs} if args else kwargs
            check_tensors(title, tensors, given)
            if options:
                _check_options(title, options, given)
        with torch.no_grad():
            return function(*args, **kwargs)

    call.__doc__ = _document(function, tensors)
    return call
