"""The sections that `help()` prints below a docstring: one line for each parameter."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from creditlib.vocabulary.annotations import Argument, Option, read, result_of
from creditlib.vocabulary.breaks import broken_laws_of

__all__ = ["document"]


def document(function: Callable[..., Any]) -> str:
    """The docstring of a function, and below it the sections that follow from its annotations.

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
    tensors, options = read(function)
    parameters = inspect.signature(function).parameters
    sections = {
        "Tensors": [_tensor_line(tensor) for tensor in tensors],
        "Options": [_option_line(each, parameters[each.name].default) for each in options],
        "Returns": _result_lines(function),
        "Breaks by design": [str(broken) for broken in broken_laws_of(function)],
        "Raises": [
            "ContractError: an argument breaks its contract; the message is one sentence that "
            "names both."
        ],
    }
    text = inspect.cleandoc(function.__doc__ or "")
    for title, lines in sections.items():
        if lines:
            text += f"\n\n{title}:\n" + "\n".join(map(_wrapped, lines))
    return text


def _wrapped(line: str) -> str:
    """A line of a section, continued with a deeper indent."""
    return textwrap.fill(
        line,
        width=96,
        initial_indent=" " * 4,
        subsequent_indent=" " * 8,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _tensor_line(tensor: Argument) -> str:
    optional = "" if tensor.required else ", optional"
    return f"{tensor.name}: {tensor.contract}{optional}; {tensor.meaning}."


def _option_line(option: Option, default: Any) -> str:
    """`name: meaning; its choices or range; default`."""
    parts = [option.spec.meaning if option.spec else ""]
    if option.choices is not None:
        choices = [repr(choice) for choice in option.choices]
        parts.append(" | ".join([*choices, *(["None"] if option.optional else [])]))
    elif option.spec is not None and option.numeric:
        number = "an integer" if option.whole else "a number"
        allowed = f"{number} {option.spec.range()}".rstrip()
        parts.append(f"{allowed}, or None" if option.optional else allowed)
    required = default is inspect.Parameter.empty
    parts.append("required" if required else f"default {default!r}")
    return f"{option.name}: {'; '.join(part for part in parts if part)}."


def _result_lines(function: Callable[..., Any]) -> list[str]:
    result = result_of(function)
    if not result.contract:
        return []
    dtype = "; float32, or float64 if a value is float64" if "float" in result.contract else ""
    return [f"{result.contract}; {result.meaning}{dtype}."]
