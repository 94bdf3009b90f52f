"""The sentences that a user reads: refusals of arguments, and errors as one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import torch
from torch import Tensor

__all__ = [
    "ContractError",
    "check_choice",
    "contract_error",
    "describe_value",
    "did_you_mean",
    "error_line",
    "nearest_name",
    "one_line",
    "printable",
]


class ContractError(ValueError):
    """An argument breaks its contract; the message is one sentence that names both."""


# Users find it as `creditlib.ContractError`, and tracebacks say so.
ContractError.__module__ = "creditlib"


def contract_error(
    function: str, argument: str, contract: str, fact: str, remedy: str = ""
) -> ContractError:
    """The error with the one sentence that every refusal is made of.

    `remedy` says what the user can do; it ends the sentence.

    >>> print(contract_error("grpo", "group", "int[batch]", "list"))
    grpo: `group` must be int[batch], got list.
    >>> print(contract_error("grpo", "valid", "bool[batch]", "torch.int64 (2,)", "call `.bool()`"))
    grpo: `valid` must be bool[batch], got torch.int64 (2,); call `.bool()`.
    """
    end = f"; {remedy}" if remedy else ""
    return ContractError(f"{function}: `{argument}` must be {contract}, got {fact}{end}.")


def check_choice(
    function: str, argument: str, value: object, choices: tuple[str | None, ...]
) -> None:
    """Refuse a value that is none of the choices; the sentence names the nearest one.

    >>> check_choice("relative", "lone", "raw", ("zero", "raw"))
    >>> check_choice("relative", "lone", "rwa", ("zero", "raw"))
    Traceback (most recent call last):
    creditlib.ContractError: relative: `lone` must be one of 'zero', 'raw', got 'rwa' (did you ...
    """
    if value not in choices:
        near = did_you_mean(value, [each for each in choices if each is not None])
        wanted = f"one of {', '.join(map(repr, choices))}"
        raise contract_error(function, argument, wanted, f"{value!r}{near}")


def nearest_name(name: object, known: Iterable[str]) -> str:
    """The known name that is most similar to a wrong one, '' if none is similar.

    >>> nearest_name("rewrd", ["reward", "group"]), nearest_name("zzz", ["reward"])
    ('reward', '')
    """
    return next(iter(difflib.get_close_matches(str(name), list(known), 1)), "")


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """The end of a sentence about a wrong name, with a space before it; '' if none is similar.

    >>> did_you_mean("gigop", ["gigpo", "grpo"])
    " (did you mean 'gigpo'?)"
    """
    near = nearest_name(name, known)
    return f" (did you mean {near!r}?)" if near else ""


def describe_value(value: object) -> str:
    """The type of a wrong argument, in words; a tensor also has its shape.

    >>> describe_value(torch.zeros(3)), describe_value([1])
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


def one_line(text: object) -> str:
    r"""Text as one line for a terminal: line breaks, control and escape characters are removed.

    >>> one_line("no\x1b[2J\nluck\t!")
    'no [2J luck !'
    """
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def printable(text: str) -> str:
    r"""Text for a terminal with its line breaks and spaces; each control character is a space.

    >>> printable("no\x1b[2J\n    luck")
    'no [2J\n    luck'
    """
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def error_line(error: BaseException) -> str:
    r"""The type and message of an error, as one line.

    >>> error_line(RuntimeError("no\nluck")), error_line(SystemExit())
    ('RuntimeError: no luck', 'SystemExit')
    """
    text = one_line(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
