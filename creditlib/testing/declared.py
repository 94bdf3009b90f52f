"""Laws that a method breaks by design: declared in its docstring, each with the reason."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from creditlib.testing.subject import Subject

__all__ = ["Declaration", "declarations_of", "declared"]

_SECTION = re.compile(r"^Breaks by design:\n((?:[ \t]+.*\n?|\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"(?P<laws>\w+(?:, \w+)*)(?: (?P<options>\([^:]*\)))?: (?P<reason>.+)$")


@dataclass(frozen=True)
class Declaration:
    """A law that is broken with some options (any of the values), and why."""

    law: str
    options: Mapping[str, tuple[Any, ...]]
    reason: str

    def holds(self, options: Mapping[str, Any]) -> bool:
        """Whether a call with these options is spoken of."""
        return all(
            name in options and options[name] in values for name, values in self.options.items()
        )


def declarations_of(text: str) -> list[Declaration]:
    r"""The entries of a docstring's "Breaks by design" section.

    An entry is `law, law: reason`, or `law, law (option=value): reason` where only that option
    breaks them; a tuple is any of its values. A line that goes on is indented further.

    >>> text = "Credit.\n\nBreaks by design:\n    a_law (scale=None): it has\n        no unit.\n"
    >>> [(each.law, each.options, each.reason) for each in declarations_of(text)]
    [('a_law', {'scale': (None,)}, 'it has no unit.')]
    """
    found = _SECTION.search(inspect.cleandoc(text) + "\n")
    if found is None:
        return []
    entries: list[str] = []
    for line in textwrap.dedent(found[1]).splitlines():
        if line.startswith(" ") and entries:
            entries[-1] += " " + line.strip()
        elif line.strip():
            entries.append(line)
    return [each for entry in entries for each in _entry(entry)]


def _entry(text: str) -> list[Declaration]:
    found = _ENTRY.match(text)
    if found is None:
        raise ValueError(f"not `law: reason`: {text!r}")
    options: dict[str, tuple[Any, ...]] = {}
    if found["options"]:
        call = ast.parse(f"f{found['options']}", mode="eval").body
        assert isinstance(call, ast.Call)
        for keyword in call.keywords:
            value = ast.literal_eval(keyword.value)
            options[str(keyword.arg)] = value if isinstance(value, tuple) else (value,)
    return [Declaration(law, options, found["reason"]) for law in found["laws"].split(", ")]


def declared(subject: Subject) -> dict[str, str]:
    """Law -> reason, for what the function declares broken with the options it is called with.

    >>> from creditlib.testing.subject import subject_of
    >>> sorted(declared(subject_of("effective_sample_size", {})))
    ['trajectories_may_be_computed_apart']
    """
    text = inspect.getdoc(inspect.unwrap(subject.function)) or ""
    options = {**subject.defaults(), **subject.fixed}
    return {each.law: each.reason for each in declarations_of(text) if each.holds(options)}
