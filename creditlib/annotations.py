"""Annotations read as data: which tensors and limited options a function takes."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

import torch
from torch import Tensor

from creditlib.word import Word

__all__ = ["Argument", "Option", "Shape", "describe", "options_of", "read", "tensors_of"]

_FLOAT = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
# Signed, as jaxtyping's Int: an id of -1 and a count minus one must be representable.
_INT = (torch.int8, torch.int16, torch.int32, torch.int64)
_DTYPES: dict[str, frozenset[torch.dtype]] = {
    "float": frozenset(_FLOAT),
    "int": frozenset(_INT),
    "bool": frozenset((torch.bool,)),
    "real": frozenset((*_FLOAT, *_INT, torch.uint8)),
}


@dataclass(frozen=True)
class Shape:
    """One allowed form of a tensor: a kind of dtype and its axes, an axis being (name, extra)."""

    kind: str
    axes: tuple[tuple[str, int], ...]

    def fits(self, value: Tensor) -> bool:
        """Whether dtype and number of axes are right."""
        return value.dtype in _DTYPES[self.kind] and value.ndim == len(self.axes)

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
        return next(shape for shape in self.shapes if shape.fits(value))


@dataclass(frozen=True)
class Option:
    """A non-tensor argument whose values are limited."""

    name: str
    choices: tuple[Any, ...] | None
    word: Word | None
    optional: bool
    whole: bool

    @property
    def axis(self) -> str:
        """The axis whose size it is: `turns` is that of `turn`; '' for any other option."""
        return self.name.removesuffix("s") if self.word is not None and self.word.axis else ""


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
def read(function: Callable[..., Any]) -> tuple[tuple[Argument, ...], tuple[Option, ...]]:
    """The tensor arguments and the limited options of an unwrapped function."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError:  # a stranger imports types for the type checker only
        hints = {}
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
        whole = int in members and float not in members
        if word is None and (whole or float in members):
            word = Word("a number")
        if choices or word:
            options.append(Option(name, choices or None, word, optional, whole))
    return tuple(tensors), tuple(options)


def _bare(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function that carries the annotations: inside wrappers, partials and callable objects."""
    function = inspect.unwrap(function)
    while isinstance(function, functools.partial):
        function = inspect.unwrap(cast("Callable[..., Any]", function.func))
    return function if inspect.isroutine(function) else type(function).__call__


def tensors_of(function: Callable[..., Any]) -> dict[str, Argument]:
    """The tensor arguments of any function whose annotations use the vocabulary or jaxtyping.

    >>> from creditlib import grpo
    >>> {name: tensor.contract for name, tensor in tensors_of(grpo).items()}
    {'reward': 'float[batch]', 'group': 'int[batch]', 'valid': 'bool[batch]'}
    """
    return {tensor.name: tensor for tensor in read(_bare(function))[0]}


def options_of(function: Callable[..., Any]) -> dict[str, Option]:
    """The limited options that change what a function computes: literal choices or a range."""
    found = read(_bare(function))[1]
    return {option.name: option for option in found if not (option.word and option.word.engine)}
