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

from creditlib.vocabulary.argument_spec import ArgumentSpec, Kind

__all__ = [
    "LARGEST",
    "Argument",
    "Option",
    "Result",
    "Shape",
    "describe",
    "options_of",
    "read",
    "result_of",
    "tensors_of",
]

# The square of a larger value, times the size of a batch, is infinite in float64.
LARGEST = 1e150

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

    @functools.cached_property
    def dtypes(self) -> frozenset[torch.dtype]:
        """The dtypes that it allows."""
        return _DTYPES[self.kind]

    @functools.cached_property
    def ndim(self) -> int:
        """The number of its axes."""
        return len(self.axes)

    @functools.cached_property
    def of_tokens(self) -> bool:
        """Whether its last axis is that of tokens."""
        return self.axes[-1:] == (("token", 0),)

    def fits(self, value: Tensor) -> bool:
        """Whether dtype and number of axes are right."""
        return value.dtype in self.dtypes and value.ndim == self.ndim

    def __str__(self) -> str:
        axes = (name + (f"+{extra}" if extra else "") for name, extra in self.axes)
        return f"{self.kind}[{' '.join(axes)}]"


@dataclass(frozen=True)
class Argument:
    """A tensor argument as its annotation describes it."""

    name: str
    shapes: tuple[Shape, ...]
    required: bool
    spec: ArgumentSpec | None

    @property
    def contract(self) -> str:
        """The shape contract as text, such as 'int[batch turn]'."""
        return " or ".join(str(shape) for shape in self.shapes)

    @property
    def meaning(self) -> str:
        """What the vocabulary says the argument is."""
        return self.spec.meaning if self.spec else ""

    @property
    def hint(self) -> str:
        """What the vocabulary says on how to make the argument."""
        return self.spec.hint if self.spec else ""

    @functools.cached_property
    def has_range(self) -> bool:
        """Whether a value may be finite and yet wrong."""
        return self.spec is not None and bool(self.spec.range())

    @functools.cached_property
    def limits(self) -> tuple[float, float]:
        """The smallest and the largest value that a tensor may hold."""
        low = None if self.spec is None else self.spec.low
        high = None if self.spec is None else self.spec.high
        return -LARGEST if low is None else low, LARGEST if high is None else high

    @functools.cached_property
    def also(self) -> frozenset[torch.dtype]:
        """Further dtypes that a call converts: counts and flags as rewards, a mask as `turn`."""
        if self.name == "turn":
            return _DTYPES["bool"]
        rewards = self.spec is not None and self.spec.unit == "reward" and not self.spec.kind
        if not rewards or self.shapes[0].kind != "float":
            return frozenset()
        return frozenset((*_INT, torch.uint8, torch.bool))

    def prepare(self) -> None:
        """Compute what is cached: torch.compile does not trace the lock of a cached property."""
        _ = self.also, self.has_range, self.limits
        for shape in self.shapes:
            _ = shape.dtypes, shape.ndim, shape.of_tokens

    def fitting(self, value: Tensor) -> Shape:
        """The form a tensor that keeps the contract has."""
        axes = (shape for shape in self.shapes if shape.ndim == value.ndim)
        same = list(axes)
        return next((shape for shape in same if value.dtype in shape.dtypes), same[0])


@dataclass(frozen=True)
class Option:
    """An argument that is no tensor: one of a few choices, a number, or anything with a meaning."""

    name: str
    choices: tuple[Any, ...] | None
    spec: ArgumentSpec | None
    optional: bool
    whole: bool
    numeric: bool = True

    @property
    def axis(self) -> str:
        """The axis whose size the option is, '' for any other option."""
        return self.spec.axis if self.spec is not None else ""


@dataclass(frozen=True)
class Result:
    """What a function returns, as its annotation describes it; see `ArgumentSpec` for the kinds.

    `level` is the finest axis: "trajectory", "turn", "token", or "" without one of them.
    """

    kind: Kind
    turn_sensitive: bool
    over_tokens: bool
    contract: str
    meaning: str
    level: str


def _flatten(hint: Any) -> tuple[list[Any], ArgumentSpec | None]:
    """The members of a (nested) union or Annotated hint, and its most specific spec."""
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        members, spec = _flatten(inner)
        # Python joins nested notes to one list: the last one is the most specific.
        found = [note for note in notes if isinstance(note, ArgumentSpec)]
        return members, found[-1] if found else spec
    if get_origin(hint) in (Union, types.UnionType):
        parts = [_flatten(member) for member in get_args(hint)]
        spec = next((found for _, found in parts if found is not None), None)
        return [member for members, _ in parts for member in members], spec
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
    members, spec = _flatten(hint)
    shapes = tuple(shape for member in members if (shape := _shape(member)))
    return Argument(name, shapes, required, spec)


@functools.cache
def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function, evaluated once for its arguments and its result."""
    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, TypeError):  # a third party imports types for the type checker only
        return {}


@functools.cache
def read(function: Callable[..., Any]) -> tuple[tuple[Argument, ...], tuple[Option, ...]]:
    """The tensor arguments and the limited options of an unwrapped function."""
    hints = _hints(function)
    tensors: list[Argument] = []
    options: list[Option] = []
    for name, parameter in inspect.signature(function).parameters.items():
        hint = hints.get(name, Any)
        argument = describe(name, hint, parameter.default is inspect.Parameter.empty)
        if argument.shapes:
            tensors.append(argument)
            continue
        members, spec = _flatten(hint)
        optional = type(None) in members
        choices = tuple(value for m in members if get_origin(m) is Literal for value in get_args(m))
        numeric = int in members or float in members
        whole = numeric and float not in members
        if spec is None and numeric:
            spec = ArgumentSpec("")
        if choices or spec:
            options.append(Option(name, choices or None, spec, optional, whole, numeric))
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
    return {
        option.name: option
        for option in found
        if not (option.spec and option.spec.engine) and (option.choices or option.numeric)
    }


def result_of(function: Callable[..., Any]) -> Result:
    """What a function returns; a function without an annotation of ours has the kind "".

    >>> from creditlib import gigpo, rloo
    >>> result_of(rloo).kind, result_of(gigpo).contract, result_of(gigpo).level
    ('advantage', 'float[batch turn]', 'turn')
    """
    return _result(_bare(function))


@functools.cache
def _result(function: Callable[..., Any]) -> Result:
    hint = _hints(function).get("return", Any)
    members, spec = _flatten(hint)
    parts = [describe("", part) for part in _parts(members)]
    shapes = [shape for part in parts for shape in part.shapes]
    contract = ", ".join(part.contract for part in parts if part.shapes)
    axes = {axis for shape in shapes for axis, _ in shape.axes}
    names = {"token": "token", "turn": "turn", "batch": "trajectory"}
    level = next((name for axis, name in names.items() if axis in axes), "")
    found = spec or ArgumentSpec("")
    text = f"({contract})" if len(parts) > 1 and contract else contract
    return Result(found.kind, found.turn_sensitive, found.over_tokens, text, found.meaning, level)


def _parts(members: list[Any]) -> list[Any]:
    """The tensors of a result: those of a tuple, or one in any of its forms."""
    if len(members) == 1 and get_origin(members[0]) is tuple:
        return list(get_args(members[0]))
    return [functools.reduce(lambda a, b: a | b, members)] if len(members) > 1 else members
