"""Every public estimator, weight and shaper as a table, read off the functions themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from torch import Tensor

from creditlib.annotations import tensors_of
from creditlib.names import public_functions

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Entry", "catalogue", "catalogue_table", "level_of"]

_ARXIV = re.compile(r"arXiv:\s*(\d{4}\.\d{4,5})")


@dataclass(frozen=True)
class Entry:
    """One function: what it credits, at which level, from which tensors, after which paper."""

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
    # the paper belongs to its Source line: an id elsewhere is a comparison
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
    """The finest axis of what a function returns: 'trajectory', 'turn', 'token', or ''.

    One tensor without axes is one number: 'batch'. Any other return annotation without axes falls
    back to the finest axis of the required tensors.

    >>> from creditlib import grpo
    >>> level_of(grpo)
    'trajectory'
    """
    hints = get_type_hints(inspect.unwrap(function), include_extras=True)
    result = hints.get("return")
    if result is Tensor or getattr(result, "dim_str", None) == "":
        return "batch"
    axes = set(_axes(result)) or {
        axis
        for tensor in tensors_of(function).values()
        if tensor.required
        for shape in tensor.shapes
        for axis, _ in shape.axes
    }
    for axis in ("token", "turn", "batch"):
        if axis in axes:
            return "trajectory" if axis == "batch" else axis
    return ""


def _axes(hint: Any) -> Iterable[str]:
    """The axis names of every tensor in a hint, however deep in unions and tuples."""
    if hasattr(hint, "dim_str"):
        yield from str(hint.dim_str).split()
    for part in get_args(hint):
        yield from _axes(part)


def catalogue_table(entries: Iterable[Entry] | None = None) -> Table:
    """The catalogue as a rich table that reads well in 80 columns."""
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
