"""The laws as a table and as JSON; hypothesis is imported when they are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from creditlib.vocabulary.install_hint import install_hint

if TYPE_CHECKING:
    from rich.console import RenderableType

    from creditlib.testing.engine.law import Law

__all__ = ["laws_as_json", "laws_by_name", "laws_in", "laws_table", "links_of"]


def laws_by_name(command: str) -> Mapping[str, Law]:
    """The laws by name; without hypothesis the error says what to install.

    `command` begins the error.

    >>> "labels_do_not_matter" in laws_by_name("laws")
    True
    """
    try:
        from creditlib.testing import LAWS
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "hypothesis":
            raise
        text = f"{command}: the laws need hypothesis: {install_hint('laws')}."
        raise ModuleNotFoundError(text, name=error.name) from None
    return LAWS


def laws_in(tier: str | None = None) -> list[Law]:
    """The laws of a tier, or all laws, with the contracts first. Needs hypothesis.

    >>> laws_in("contract")[0].name
    'every_batch_is_taken'
    """
    every = laws_by_name("laws")
    from creditlib.testing.engine.law import TIERS, tier_of

    tiers = TIERS if tier is None else (tier_of(tier, "laws", "--tier"),)
    return [law for each in tiers for law in every.values() if law.tier == each]


def laws_table(laws: Iterable[Law]) -> RenderableType:
    """One row for each law: its name, its tier and its sentence."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("law", no_wrap=True)
    table.add_column("tier", no_wrap=True)
    table.add_column("statement")
    for law in laws:
        table.add_row(Text(law.name), law.tier, Text(law.sentence))
    return table


def laws_as_json(laws: Iterable[Law]) -> str:
    """The laws as one JSON array.

    >>> [each["tier"] for each in json.loads(laws_as_json(laws_in("property")))][:1]
    ['property']
    """
    found = [
        {"law": law.name, "tier": law.tier, "sentence": law.sentence, "bugs": links_of(law)}
        for law in laws
    ]
    return json.dumps(found, indent=1)


def links_of(law: Law) -> list[str]:
    """The addresses of the issues that the law would have prevented."""
    from creditlib.testing.engine.law import link

    return [link(bug) for bug in law.bugs]
