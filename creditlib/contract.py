"""Reads the vocabulary off a signature and checks a call against it, before any arithmetic."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import (
    Annotated,
    Any,
    Literal,
    ParamSpec,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import torch
from torch import Tensor

from creditlib.vocabulary import Word

__all__ = [
    "Argument",
    "ContractError",
    "Option",
    "Shape",
    "check_tensors",
    "checked",
    "describe",
    "options_of",
    "refuse",
    "tensors_of",
]

P = ParamSpec("P")
R = TypeVar("R")

_FLOAT = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_INT = (torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8)
_DTYPES: dict[str, frozenset[torch.dtype]] = {
    "float": frozenset(_FLOAT),
    "int": frozenset(_INT),
    "bool": frozenset((torch.bool,)),
    "real": frozenset(_FLOAT + _INT),
}


class ContractError(ValueError):
    """An argument breaks its contract; the message is one sentence that names both."""


@dataclass(frozen=True)
class Shape:
    """One allowed form of a tensor: a kind of dtype and its axes, an axis being (name, extra)."""

    kind: str
    axes: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        axes = (name + (f"+{extra}" if extra else "") for name, extra in self.axes)
        return f"{self.kind}[{' '.join(axes)}]"


@dataclass(frozen=True)
class Argument:
    """A tensor argument as its annotation describes it."""

    name: str
    shapes: tuple[Shape, ...]
    required: bool
    word: Word | None

    @property
    def contract(self) -> str:
        """The shape contract as text, such as 'int[batch turn]'."""
        return " or ".join(str(shape) for shape in self.shapes)

    @property
    def meaning(self) -> str:
        """What the vocabulary says the argument is."""
        return self.word.meaning if self.word else ""

    def fitting(self, value: Tensor) -> Shape:
        """The form a tensor that keeps the contract has."""
        return next(shape for shape in self.shapes if _fits(shape, value))


@dataclass(frozen=True)
class Option:
    """A non-tensor argument whose values are limited."""

    name: str
    choices: tuple[Any, ...] | None
    word: Word | None
    optional: bool


def refuse(function: str, argument: str, contract: str, fact: str) -> ContractError:
    """The one sentence every refusal is made of.

    >>> print(refuse("grpo", "group", "int[batch]", "list"))
    grpo: `group` must be int[batch], got list.
    """
    return ContractError(f"{function}: `{argument}` must be {contract}, got {fact}.")


def _flatten(hint: Any) -> tuple[list[Any], Word | None]:
    """The members of a (nested) union or Annotated hint, and the first Word met on the way."""
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        members, word = _flatten(inner)
        return members, next((note for note in notes if isinstance(note, Word)), word)
    if get_origin(hint) in (Union, types.UnionType):
        parts = [_flatten(member) for member in get_args(hint)]
        word = next((found for _, found in parts if found is not None), None)
        return [member for members, _ in parts for member in members], word
    return [hint], None


def _shape(hint: Any) -> Shape | None:
    """The Shape a jaxtyping annotation stands for, None for anything else."""
    if not (isinstance(hint, type) and hasattr(hint, "dim_str") and hasattr(hint, "dtype")):
        return None
    axes: list[tuple[str, int]] = []
    for axis in str(hint.dim_str).split():
        name, _, extra = axis.partition("+")
        axes.append((name, int(extra or 0)))
    return Shape(hint.dtype.__name__.lower(), tuple(axes))


def describe(name: str, hint: Any, required: bool = True) -> Argument:
    """An annotation read as a tensor argument; one without a jaxtyping part has no shapes.

    >>> from creditlib.vocabulary import Anchor
    >>> describe("anchor", Anchor).contract
    'int[batch turn]'
    """
    members, word = _flatten(hint)
    shapes = tuple(shape for member in members if (shape := _shape(member)))
    return Argument(name, shapes, required, word)


@functools.cache
def _read(function: Callable[..., Any]) -> tuple[tuple[Argument, ...], tuple[Option, ...]]:
    hints = get_type_hints(function, include_extras=True)
    tensors: list[Argument] = []
    options: list[Option] = []
    for name, parameter in inspect.signature(function).parameters.items():
        hint = hints.get(name, Any)
        argument = describe(name, hint, parameter.default is inspect.Parameter.empty)
        if argument.shapes:
            tensors.append(argument)
            continue
        members, word = _flatten(hint)
        optional = type(None) in members
        choices = tuple(value for m in members if get_origin(m) is Literal for value in get_args(m))
        if choices or word:
            options.append(Option(name, choices or None, word, optional))
    return tuple(tensors), tuple(options)


def tensors_of(function: Callable[..., Any]) -> dict[str, Argument]:
    """The tensor arguments of any function whose annotations use the vocabulary or jaxtyping.

    >>> from creditlib import grpo
    >>> {name: tensor.contract for name, tensor in tensors_of(grpo).items()}
    {'reward': 'float[batch]', 'group': 'int[batch]', 'valid': 'bool[batch]'}
    """
    return {tensor.name: tensor for tensor in _read(inspect.unwrap(function))[0]}


def options_of(function: Callable[..., Any]) -> dict[str, Option]:
    """The limited options of a function: literal choices or a range."""
    return {option.name: option for option in _read(inspect.unwrap(function))[1]}


def _fact(value: object) -> str:
    """What a wrong argument is, in words."""
    if isinstance(value, Tensor):
        if value.layout is not torch.strided:
            return str(value.layout)
        return f"{value.dtype} {tuple(value.shape)}"
    if value is None:
        return "None"
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _fits(shape: Shape, value: Tensor) -> bool:
    return value.dtype in _DTYPES[shape.kind] and value.ndim == len(shape.axes)


def check_tensors(name: str, tensors: tuple[Argument, ...], given: Mapping[str, Any]) -> None:
    """Refuse, in the name of a function, the first tensor that breaks its contract.

    Type and layout, then dtype and number of axes, then device, then sizes: an axis is bound by
    the first tensor that has it.
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
            raise refuse(name, tensor.name, tensor.contract, _fact(value))
        for shape in tensor.shapes:
            if _fits(shape, value):
                break
        else:
            raise refuse(name, tensor.name, tensor.contract, _fact(value))
        if first is None:
            first = (value.device, tensor.name)
        elif value.device != first[0]:
            contract = f"{tensor.contract} on {first[0]} like `{first[1]}`"
            raise refuse(name, tensor.name, contract, str(value.device))
        for (axis, extra), size in zip(shape.axes, value.shape, strict=True):
            bound = sizes.setdefault(axis, (size - extra, tensor.name))
            if bound[0] != size - extra:
                fact = f"{_fact(value)} where `{bound[1]}` has {axis} {bound[0]}"
                raise refuse(name, tensor.name, tensor.contract, fact)


def _check_options(name: str, options: tuple[Option, ...], given: Mapping[str, Any]) -> None:
    for option in options:
        if option.name not in given:
            continue
        value = given[option.name]
        if value is None and option.optional:
            continue
        if option.choices is not None:
            if not any(
                value == choice and type(value) is type(choice) for choice in option.choices
            ):
                words = [repr(choice) for choice in option.choices]
                contract = "one of " + ", ".join(words + (["None"] if option.optional else []))
                raise refuse(name, option.name, contract, repr(value))
        elif option.word is not None:
            _check_number(name, option.name, option.word, value)


def _check_number(name: str, option: str, word: Word, value: object) -> None:
    contract = f"a number {word.range()}".rstrip()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise refuse(name, option, contract, _fact(value))
    low = -float("inf") if word.low is None else word.low
    high = float("inf") if word.high is None else word.high
    if not (low <= value <= high) or (word.above is not None and not value > word.above):
        raise refuse(name, option, contract, repr(value))


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
    tensors, options = _read(function)
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
