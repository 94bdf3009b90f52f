"""A table of every public estimator, weight and shaper, read from the functions themselves."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from creditlib.registry import plugins, public_functions
from creditlib.vocabulary.annotations import result_of, tensors_of
from creditlib.vocabulary.argument_lines import argument_lines
from creditlib.vocabulary.messages import contract_error, did_you_mean, one_line

if TYPE_CHECKING:
    from rich.table import Table

__all__ = [
    "KINDS",
    "LEVELS",
    "Entry",
    "catalogue",
    "catalogue_as_json",
    "catalogue_table",
    "level_of",
    "plugin_entries",
    "selected",
]

KINDS = ("estimator", "recipe", "weight", "shaper", "plug-in")
LEVELS = ("trajectory", "turn", "token", "batch")

_ARXIV = re.compile(r"arXiv:\s*(\d{4}\.\d{4,5})")
_PACKAGES = {"recipes": "recipe", "weighting": "weight", "shaping": "shaper"}


@dataclass(frozen=True)
class Entry:
    """One function: what it credits, its level, its tensors, its paper, its kind and its options.

    `options` are the lines of `help()`. `error` says why a plug-in cannot be used.
    """

    name: str
    level: str
    credits: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    paper: str
    kind: str = "estimator"
    options: tuple[str, ...] = ()
    error: str = ""

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


def plugin_entries() -> list[Entry]:
    """One entry per plug-in of an installed package, with the reason where it cannot be used.

    >>> [entry.kind for entry in plugin_entries() if entry.kind != "plug-in"]
    []
    """
    ours = public_functions()
    found: list[Entry] = []
    for plugin in plugins():
        name = one_line(plugin.name)
        error = "" if plugin.error is None else f"it does not load: {one_line(plugin.error)}"
        if plugin.name in ours:
            error = f"creditlib's own {name} has the same name"
        if plugin.function is None:
            entry = Entry(name, "", "", (), (), "")
        else:
            entry = _entry(name, plugin.function)
        found.append(replace(entry, kind="plug-in", error=error))
    return found


def _entry(name: str, function: Callable[..., Any]) -> Entry:
    tensors = tensors_of(function).items()
    text = inspect.getdoc(function) or ""
    # The section Source names the method's paper; other ids are comparisons.
    found = _ARXIV.search(text.partition("\nSource:")[2].partition("\n\n")[0])
    package = (getattr(function, "__module__", None) or "").split(".")[1:2]
    return Entry(
        name=name,
        level=level_of(function),
        credits=one_line(text.partition("\n")[0].rstrip(".")),
        required=tuple(key for key, tensor in tensors if tensor.required),
        optional=tuple(key for key, tensor in tensors if not tensor.required and key != "out"),
        paper=found.group(1) if found else "",
        kind=_PACKAGES.get("".join(package), "estimator"),
        options=tuple(str(each) for each in argument_lines(function) if each.kind == "option"),
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


def selected(
    entries: Iterable[Entry],
    *,
    kind: str | None = None,
    level: str | None = None,
    needs: str | None = None,
) -> list[Entry]:
    """The entries of a kind, of a level, and that read a tensor; None leaves nothing out.

    >>> [entry.name for entry in selected(catalogue(), kind="weight", needs="duration")]
    ['duration_weight']

    Errors: an unknown kind or level, and a tensor that no entry reads.
    """
    every = list(entries)
    tensors = sorted({name for entry in every for name in (*entry.required, *entry.optional)})
    _refuse_unknown("kind", kind, KINDS, f"one of {', '.join(map(repr, KINDS))}")
    _refuse_unknown("level", level, LEVELS, f"one of {', '.join(map(repr, LEVELS))}")
    _refuse_unknown("needs", needs, tensors, "a tensor that a function of the list reads")
    return [
        entry
        for entry in every
        if kind in (None, entry.kind)
        and level in (None, entry.level)
        and (needs is None or needs in (*entry.required, *entry.optional))
    ]


def _refuse_unknown(argument: str, name: str | None, known: Iterable[str], contract: str) -> None:
    if name is not None and name not in known:
        fact = f"{name!r}{did_you_mean(name, known)}"
        raise contract_error("selected", argument, contract, fact)


def catalogue_as_json(entries: Iterable[Entry]) -> str:
    """The entries as one JSON array.

    >>> json.loads(catalogue_as_json(catalogue()[:1]))[0]["kind"]
    'estimator'
    """
    return json.dumps([asdict(entry) for entry in entries], indent=1, ensure_ascii=False)


def catalogue_table(entries: Iterable[Entry] | None = None) -> Table:
    """The catalogue as a rich table that fits 80 columns.

    Args:
        entries: the rows; None is the whole catalogue.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("name\nlevel, kind", no_wrap=True)
    table.add_column(Text("credits\nneeds [optional]"))
    table.add_column("arXiv", no_wrap=True)
    for entry in catalogue() if entries is None else entries:
        what = ", ".join(filter(None, (entry.level, entry.kind)))
        table.add_row(
            Text.assemble(entry.name, "\n", (what, "dim")),
            Text.assemble(entry.credits or "-", "\n", (entry.needs, "dim"))
            if not entry.error
            else Text(entry.error, "red"),
            Text(entry.paper),
        )
        table.add_section()
    return table
