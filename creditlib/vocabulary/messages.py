"""The sentences that a user reads: refusals of arguments, and errors as one line."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["ContractError", "contract_error", "describe_value", "error_line", "one_line"]


class ContractError(ValueError):
    """An argument breaks its contract; the message is one sentence that names both."""


# Users find it as `creditlib.ContractError`, and tracebacks say so.
ContractError.__module__ = "creditlib"


def contract_error(function: str, argument: str, contract: str, fact: str) -> ContractError:
    """The error with the one sentence that every refusal is made of.

    >>> print(contract_error("grpo", "group", "int[batch]", "list"))
    grpo: `group` must be int[batch], got list.
    """
    return ContractError(f"{function}: `{argument}` must be {contract}, got {fact}.")


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


def error_line(error: BaseException) -> str:
    r"""The type and message of an error, as one line.

    >>> error_line(RuntimeError("no\nluck")), error_line(SystemExit())
    ('RuntimeError: no luck', 'SystemExit')
    """
    text = one_line(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
