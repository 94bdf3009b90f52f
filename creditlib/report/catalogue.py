"""A table of every public estimator, weight and shaper, read from the functions themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from creditlib.registry import public_functions
from creditlib.vocabulary.annotations import result_of, tensors_of

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Entry", "catalogue", "catalogue_table", "level_of"]

_ARXIV = re.compile(r"arXiv:\s*(\d{4}\.\d{4,5})")


@dataclass(frozen=True)
class Entry:
    """One function: what it credits, its level, its tensors and its paper."""

    name: str
    level: str
    credits: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    paper: str

    @property
    def needs(self) -> str:
        """Required tensors, then the optional ones in brackets."""
        return ", ".join([*self.required, *(f"[{name}]" for name in self.optional)])


def catalogue() -> list[Entry]:
    """One entry per public function, in the order the package lists them.

    >>> entry = next(entry for entry in catalogue() if entry.name == "grpo")
    >>> entry.level, entry.needs, entry.paper
    ('trajectory', 'reward, group, [valid]', '2402.03300')
    """
    return [_entry(name, function) for name, function in public_functions().items()]


def _entry(name: str, function: Callable[..., Any]) -> Entry:
    tensors = tensors_of(function).items()
    text = inspect.getdoc(function) or ""
    # The section Source names the method's paper; other ids are comparisons.
    found = _ARXIV.search(text.partition("\nSource:")[2].partition("\n\n")[0])
    return Entry(
        name=name,
        level=level_of(function),
        credits=text.partition("\n")[0].rstrip("."),
        required=tuple(key for key, tensor in tensors if tensor.required),
        optional=tuple(key for key, tensor in tensors if not tensor.required and key != "out"),
        paper=found.group(1) if found else "",
    )


def level_of(function: Callable[..., Any]) -> str:
    """The level of what a function returns: 'trajectory', 'turn', 'token', 'batch' or ''.

    One number for the whole batch has the level 'batch'. A function whose return annotation states
    no tensor has the level of its required tensors.

    >>> from creditlib import grpo
    >>> level_of(grpo)
    'trajectory'
    """
    result = result_of(function)
    if result.contract:
        return result.level or "batch"
    axes = {
        axis
        for tensor in tensors_of(function).values()
        if tensor.required
        for shape in tensor.shapes
        for axis, _ in shape.axes
    }
    levels = {"token": "token", "turn": "turn", "batch": "trajectory"}
    return next((level for axis, level in levels.items() if axis in axes), "")


def catalogue_table(entries: Iterable[Entry] | None = None) -> Table:
    """The catalogue as a rich table that fits 80 columns."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("name\nlevel", no_wrap=True)
    table.add_column(Text("credits\nneeds [optional]"))
    table.add_column("arXiv", no_wrap=True)
    for entry in catalogue() if entries is None else entries:
        table.add_row(
            Text.assemble(entry.name, "\n", (entry.level, "dim")),
            Text.assemble(entry.credits, "\n", (entry.needs, "dim")),
            Text(entry.paper),
        )
        table.add_section()
    return table
