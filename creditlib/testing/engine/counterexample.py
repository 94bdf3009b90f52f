"""Print a counterexample as a few lines of Python that can be pasted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from creditlib.testing.engine.literals import described, exact, literal
from creditlib.testing.engine.trial import BrokenError, Call
from creditlib.testing.subject import Subject

__all__ = ["callable_name", "code_of", "described", "literal"]

_WIDTH = 96


def callable_name(subject: Subject) -> str:
    """The name of the function in printed lines: its own, or "function" where that is no name.

    >>> from creditlib.testing.subject import subject_of
    >>> callable_name(subject_of("rloo", {}))
    'rloo'
    """
    own = getattr(subject.function, "__name__", "")
    return own if own.isidentifier() else "function"


def code_of(broken: BrokenError) -> str:
    """The calls that show what is broken. A second call assigns changed arguments only.

    The lines need torch, and numpy where a trainer's arguments are arrays. A comment below a call
    is its result, with six digits, or with all digits where six do not show the difference.
    """
    if broken.code:
        return broken.code
    lines: list[str] = []
    known: dict[str, str] = {}
    digits = exact if _look_equal(broken.calls) else described
    for call in broken.calls:
        subject = call.subject or broken.subject
        arguments = subject.arguments(call.batch, call.options)
        lines += _assignments(arguments, known)
        lines += _called(subject, arguments)
        if isinstance(call.results, str):
            lines.append(f"# raises {call.results.splitlines()[0] if call.results else ''}")
            continue
        lines += [f"# {digits(part)}" for part in call.results]
        for name, value in call.written.items():
            lines += [
                name,
                f"# {described(value) if isinstance(value, Tensor) else literal(value)}",
            ]
            known.pop(name, None)
    return "\n".join(lines)


def _look_equal(calls: tuple[Call, ...]) -> bool:
    """Whether results that differ are printed alike with six digits."""
    texts: set[tuple[str, ...]] = set()
    values: set[tuple[str, ...]] = set()
    for call in calls:
        if isinstance(call.results, str):
            return False
        texts.add(tuple(described(part) for part in call.results))
        values.add(tuple(exact(part) for part in call.results))
    return len(texts) < len(values)


def _is_data(value: Any) -> bool:
    """Whether an argument gets a line of its own, and is no option in the call."""
    return isinstance(value, (Tensor, list)) or type(value).__module__ == "numpy"


def _assignments(arguments: Mapping[str, Any], known: dict[str, str]) -> list[str]:
    lines: list[str] = []
    for name, value in arguments.items():
        if not _is_data(value):
            continue
        text = literal(value)
        if known.get(name) != text:
            known[name] = text
            lines.append(f"{name} = {text}")
    return lines


def _called(subject: Subject, arguments: Mapping[str, Any]) -> list[str]:
    given = [
        f"{name}={name}" if _is_data(value) else f"{name}={literal(value)}"
        for name, value in arguments.items()
    ]
    name = callable_name(subject)
    text = f"{name}({', '.join(given)})"
    return [text] if len(text) <= _WIDTH else _wrapped(name, given)


def _wrapped(name: str, given: list[str]) -> list[str]:
    """A call over several lines, with at least one argument in each."""
    lines, line = [f"{name}("], "   "
    for part in given:
        if len(line) + len(part) + 2 > _WIDTH and line.strip():
            lines.append(line)
            line = "   "
        line += f" {part},"
    return [*lines, line, ")"]
