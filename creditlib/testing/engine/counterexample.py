"""Print a counterexample as a few lines of Python that can be pasted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.testing.engine.trial import BrokenError, Call
from creditlib.testing.subject import Subject

__all__ = ["code_of", "literal", "rounded"]

_WIDTH = 96


def literal(value: Any) -> str:
    """A tensor, an array or a plain value as a Python expression.

    >>> print(literal(torch.tensor([0.1])))
    torch.tensor([0.1])
    """
    if isinstance(value, Tensor):
        return _tensor(value)
    if isinstance(value, np.ndarray):
        kind = ", dtype=object" if value.dtype == object else ""
        return f"np.array({value.tolist()}{kind})"
    return repr(value)


def _tensor(x: Tensor) -> str:
    values = _numbers(x)
    plain = {torch.float32, torch.int64, torch.bool}
    needs = x.dtype not in plain or (x.numel() == 0 and x.dtype != torch.float32)
    kind = f", dtype={x.dtype}" if needs else ""
    text = f"torch.tensor({values}{kind})"
    if x.ndim > 1 and 0 in x.shape:
        return f"torch.zeros({tuple(x.shape)}{kind})"
    return text


def _numbers(x: Tensor) -> str:
    """Nested lists; float32 numbers with as many digits as identify them."""
    if x.ndim:
        return "[" + ", ".join(_numbers(part) for part in x) + "]"
    if not x.is_floating_point():
        return repr(x.item())
    value = x.item()
    if value != value or value in (float("inf"), float("-inf")):
        return f'float("{value}")'
    return repr(value) if x.dtype == torch.float64 else str(np.float32(value))


def code_of(broken: BrokenError) -> str:
    """The calls that show what is broken. A second call assigns changed arguments only.

    The lines need torch, and numpy where a trainer's arguments are arrays.
    """
    if broken.code:
        return broken.code
    lines: list[str] = []
    known: dict[str, str] = {}
    for call in broken.calls:
        subject = call.subject or broken.subject
        arguments = subject.arguments(call.batch, call.options)
        lines += _assignments(arguments, known)
        lines += _called(subject, call, arguments)
    return "\n".join(lines)


def _assignments(arguments: Mapping[str, Any], known: dict[str, str]) -> list[str]:
    lines: list[str] = []
    for name, value in arguments.items():
        if not isinstance(value, (Tensor, np.ndarray, list)):
            continue
        text = literal(value)
        if known.get(name) != text:
            known[name] = text
            lines.append(f"{name} = {text}")
    return lines


def _called(subject: Subject, call: Call, arguments: Mapping[str, Any]) -> list[str]:
    given = [
        f"{name}={name}"
        if isinstance(value, (Tensor, np.ndarray, list))
        else f"{name}={literal(value)}"
        for name, value in arguments.items()
    ]
    text = f"{subject.name}({', '.join(given)})"
    return [*_wrapped(text), *_outcome(call)]


def _wrapped(text: str) -> list[str]:
    if len(text) <= _WIDTH:
        return [text]
    head, _, rest = text.partition("(")
    lines, line = [f"{head}("], "   "
    for part in rest[:-1].split(", "):
        if len(line) + len(part) + 2 > _WIDTH:
            lines.append(line)
            line = "   "
        line += f" {part},"
    return [*lines, line, ")"]


def _outcome(call: Call) -> list[str]:
    if isinstance(call.results, str):
        return [f"# raises {call.results.splitlines()[0] if call.results else ''}"]
    return [f"# {rounded(part)}" for part in call.results]


def rounded(x: Tensor) -> str:
    """A result with six significant digits."""
    if x.ndim:
        return "[" + ", ".join(rounded(part) for part in x) + "]"
    return f"{x.item():.6g}" if x.is_floating_point() else str(x.item())
