"""The parameters of a function as data: what each one means, which values it takes, its default.

The facts come from the annotations, if they are words of the vocabulary, and from the sections
`Args`, `Options` and `Tensors` of the docstring. A line that a docstring has wins over the
vocabulary's sentence.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from creditlib.vocabulary.annotations import Argument, Option, read

__all__ = [
    "ArgumentLine",
    "annotation_text",
    "argument_lines",
    "choices_of",
    "lines_of",
    "text_without_arguments",
    "without_lines",
    "written_lines",
]

# A section is its title, and the indented lines below it.
_SECTION = re.compile(r"(?:^|\n\n?)(?:Tensors|Options|Args):\n((?: {4}.*(?:\n|$))+)")
_ENTRY = re.compile(r"^ {4}(\w+(?:, \w+)*): ", re.MULTILINE)
# What a line of a docstring may begin with: the axes of a tensor.
_AXES = re.compile(r"((?:\w*\[[\w .…+·-]*\](?: or )?)+)[;,] (.*)", re.DOTALL)
_MODULES = re.compile(r"\b(?:collections\.abc|typing|pathlib|torch|numpy|creditlib(?:\.\w+)*)\.")


@dataclass(frozen=True)
class ArgumentLine:
    """One parameter of a function.

    `kind` is "tensor" for what has axes, and "option" for anything else. `contract` says which
    values are allowed. `default` and `choices` are as in code; `default` is "" for a required
    parameter, and `choices` is empty where there is no list of them. `unit` is "" without one.
    """

    name: str
    kind: Literal["tensor", "option"]
    contract: str
    meaning: str
    required: bool
    default: str
    choices: tuple[str, ...] = ()
    unit: str = ""

    def __str__(self) -> str:
        """The line as it stands in `help()`."""
        said = self.unit in ("", "reward") or self.unit in self.meaning
        unit = "" if said else f", in {self.unit}"
        if self.kind == "tensor":
            optional = "" if self.required else ", optional"
            return f"{self.name}: {self.contract}{unit}{optional}; {self.meaning}."
        default = "required" if self.required else f"default {self.default}"
        facts = "; ".join(part for part in (self.contract + unit, default) if part)
        if not self.meaning:
            return f"{self.name}: {facts}."
        if ". " in self.meaning:  # sentences: the facts are one more
            return f"{self.name}: {self.meaning}. {facts[0].upper()}{facts[1:]}."
        return f"{self.name}: {self.meaning}; {facts}."


def argument_lines(function: Callable[..., Any]) -> tuple[ArgumentLine, ...]:
    """One line for each parameter of a function, a method or a class, in their order.

    >>> from creditlib import grpo
    >>> line = argument_lines(grpo)[-2]
    >>> line.name, line.choices, line.default
    ('lone', ("'zero'", "'raw'"), "'zero'")
    >>> print(argument_lines(grpo)[0])
    reward: float[batch]; outcome reward of a trajectory.
    """
    bare = inspect.unwrap(function)
    body = bare
    if inspect.isclass(bare) and not dataclasses.is_dataclass(bare) and "__init__" in vars(bare):
        body = bare.__init__
    signature = inspect.signature(bare)
    return tuple(lines_of(body, signature, written_lines(inspect.getdoc(bare) or "")))


def lines_of(
    function: Callable[..., Any], signature: inspect.Signature, written: Mapping[str, str]
) -> list[ArgumentLine]:
    """The lines of an unwrapped function whose docstring has the `written` ones."""
    tensors, options = read(function)
    known: dict[str, Argument | Option] = {each.name: each for each in (*tensors, *options)}
    found: list[ArgumentLine] = []
    for name, parameter in signature.parameters.items():
        if name in ("self", "cls"):
            continue
        of = known.get(name)
        spec = of.spec if of is not None else None
        variadic = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        required = parameter.default is parameter.empty and not variadic
        default = "none" if variadic else "" if required else _code(parameter.default)
        meaning = written.get(name) or (spec.meaning if spec else "")
        contract, kind = _contract(function, parameter, of)
        axes = None if isinstance(of, Argument) else _AXES.fullmatch(meaning)
        if axes is not None:
            contract, meaning = axes.groups()
        choices = choices_of(of) if isinstance(of, Option) else ()
        unit = spec.unit_shown() if spec else ""
        found.append(ArgumentLine(name, kind, contract, meaning, required, default, choices, unit))
    return found


def _contract(
    function: Callable[..., Any], parameter: inspect.Parameter, of: Argument | Option | None
) -> tuple[str, Literal["tensor", "option"]]:
    """The values that a parameter takes, as text, and whether they have axes."""
    if isinstance(of, Argument):
        return of.contract, "tensor"
    text = "" if of is None else " | ".join(choices_of(of)) or _numbers(of)
    text = text or annotation_text(function, parameter)
    return text, "tensor" if text in ("Tensor", "Tensor | None") else "option"


def choices_of(option: Option) -> tuple[str, ...]:
    """The choices of an option as code; () where it is a number or anything else."""
    if option.choices is None:
        return ()
    return (*map(repr, option.choices), *(("None",) if option.optional else ()))


def _numbers(option: Option) -> str:
    """The numbers that an option may be."""
    if option.spec is None or not option.numeric:
        return ""
    allowed = f"{'an integer' if option.whole else 'a number'} {option.spec.range()}".rstrip()
    return f"{allowed}, or None" if option.optional else allowed


def _code(default: object) -> str:
    """A default as in code: a function by its name."""
    return getattr(default, "__name__", "") or repr(default)


def annotation_text(function: Callable[..., Any], parameter: inspect.Parameter) -> str:
    """The annotation as its source has it, with each alias as what it stands for.

    >>> from creditlib.streaming import role_baseline
    >>> plain = inspect.unwrap(role_baseline)
    >>> annotation_text(plain, inspect.signature(plain).parameters["baselines"])
    'RoleBaselines'
    """
    text = parameter.annotation
    if text is parameter.empty:
        return ""
    if not isinstance(text, str):
        return _plain(text)
    names: Mapping[str, Any] = getattr(function, "__globals__", {})

    def replaced(word: re.Match[str]) -> str:
        value = names.get(word[0])
        return _plain(value) if get_origin(value) is not None else word[0]

    return re.sub(r"(?<![.\w])[A-Za-z]\w*(?!\w*[.\[])", replaced, text)


def _plain(hint: Any) -> str:
    """A type as its source would have it."""
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    return _MODULES.sub("", inspect.formatannotation(hint))


def written_lines(text: str) -> dict[str, str]:
    r"""The lines that a docstring has, by the name of the parameter, without the full stop.

    >>> written_lines("Sums.\n\nArgs:\n    x: numbers.\n    low, high: limits.")
    {'x': 'numbers', 'low': 'limits', 'high': 'limits'}
    """
    found: dict[str, str] = {}
    for section in _SECTION.finditer(text):
        parts = _ENTRY.split(section[1])
        for names, body in zip(parts[1::2], parts[2::2], strict=True):
            for name in names.split(", "):
                found[name] = " ".join(body.split()).removesuffix(".")
    return found


def text_without_arguments(function: Callable[..., Any]) -> str:
    """The docstring of a function without its sections `Tensors`, `Options` and `Args`.

    >>> from creditlib import rloo
    >>> "Tensors:" in rloo.__doc__, "Tensors:" in text_without_arguments(rloo)
    (True, False)
    """
    return without_lines(inspect.getdoc(function) or "")


def without_lines(text: str) -> str:
    """A docstring without the sections that describe parameters."""
    return _SECTION.sub("\n", text).strip()
