"""What `help()` prints: a signature with values, and one line for each parameter."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from creditlib.vocabulary.annotations import Argument, Option, read, result_of
from creditlib.vocabulary.argument_lines import (
    annotation_text,
    choices_of,
    lines_of,
    without_lines,
    written_lines,
)
from creditlib.vocabulary.breaks import broken_laws_of

__all__ = ["document", "signature_with_values"]

_WIDTH = 96


def document(function: Callable[..., Any], signature: inspect.Signature | None = None) -> str:
    """The docstring of a function, and below it the sections that follow from its annotations.

    Lines that the docstring has in a section `Options` move to the section below, and win over the
    sentences of the vocabulary. `signature` is that of the function, if it is at hand.

    >>> from creditlib.vocabulary import Credit, Reward
    >>> def halved(*, reward: Reward) -> Credit:
    ...     '''Half of the reward.'''
    >>> print(document(halved))
    Half of the reward.
    <BLANKLINE>
    Tensors:
        reward: float[batch]; outcome reward of a trajectory.
    <BLANKLINE>
    Returns:
        float[batch]; credit of a trajectory; float32, or float64 if a value is float64.
    <BLANKLINE>
    Raises:
        ContractError: an argument breaks its contract; the message is one sentence that names both.
    """
    text = inspect.cleandoc(function.__doc__ or "")
    written = written_lines(text)
    if written:
        text = without_lines(text)
    lines = lines_of(function, signature or inspect.signature(function), written)
    sections = {
        "Tensors": [str(line) for line in lines if line.kind == "tensor"],
        "Options": [str(line) for line in lines if line.kind == "option"],
        "Returns": _result_lines(function),
        "Breaks by design": [str(broken) for broken in broken_laws_of(function)],
        "Raises": [
            "ContractError: an argument breaks its contract; the message is one sentence that "
            "names both."
        ],
    }
    for title, entries in sections.items():
        if entries:
            text += f"\n\n{title}:\n" + "\n".join(map(_wrapped, entries))
    return text


def _wrapped(line: str) -> str:
    """A line of a section, continued with a deeper indent (`textwrap` takes ten times as long)."""
    found: list[str] = []
    start, free = " " * 4, _WIDTH - 4
    words: list[str] = []
    for word in line.split(" "):
        if words and len(word) > free:
            found.append(start + " ".join(words))
            start, free, words = " " * 8, _WIDTH - 8, []
        words.append(word)
        free -= len(word) + 1
    return "\n".join([*found, start + " ".join(words)])


class _Values:
    """An annotation of a signature that prints as the values it allows."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def signature_with_values(
    function: Callable[..., Any], signature: inspect.Signature | None = None
) -> inspect.Signature:
    """The signature with the values that an argument takes in place of the name of its alias.

    `signature` is that of the function, if it is at hand.

    >>> from creditlib.vocabulary import Credit, Lone, Reward
    >>> def halved(*, reward: Reward, lone: Lone = "zero") -> Credit: ...
    >>> signature_with_values(halved)
    <Signature (*, reward: float[batch], lone: 'zero' | 'raw' = 'zero') -> float[batch]>
    """
    signature = signature or inspect.signature(function)
    tensors, options = read(function)
    known = {each.name: each for each in (*tensors, *options)}
    parameters = [
        each.replace(annotation=_Values(_values(function, each, known[name])))
        if name in known
        else each
        for name, each in signature.parameters.items()
    ]
    result = result_of(function).contract
    returned = _Values(result) if result else signature.return_annotation
    return signature.replace(parameters=parameters, return_annotation=returned)


def _values(
    function: Callable[..., Any], parameter: inspect.Parameter, of: Argument | Option
) -> str:
    """The values of a parameter as a type: shapes, choices, or a kind of number."""
    if isinstance(of, Argument):
        return of.contract if of.required else f"{of.contract} | None"
    if of.choices is not None:
        return " | ".join(choices_of(of))
    if of.numeric:
        number = "int" if of.whole else "float"
        return f"{number} | None" if of.optional else number
    return annotation_text(function, parameter)


def _result_lines(function: Callable[..., Any]) -> list[str]:
    result = result_of(function)
    if not result.contract:
        return []
    dtype = "; float32, or float64 if a value is float64" if "float" in result.contract else ""
    return [f"{result.contract}; {result.meaning}{dtype}."]
