"""Credit in the field that the inputs' format has for it: `to="verifiers"`, `to="atropos"`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from creditlib.rollouts.crediting.manifest import manifest_path
from creditlib.rollouts.crediting.sources import Source
from creditlib.rollouts.disk import replaced
from creditlib.rollouts.files import read_records
from creditlib.rollouts.format_credit import credit_formats, rows_with_credit
from creditlib.rollouts.formats import FORMATS
from creditlib.rollouts.storage import Location
from creditlib.vocabulary.messages import contract_error

__all__ = ["is_native", "write_native"]


def is_native(
    to: str | None, sources: Sequence[Source], estimators: Sequence[str], others: Mapping[str, Any]
) -> bool:
    """Whether `to` names the format of the inputs; what does not go with that is refused.

    `others` are options by name that must be off.
    """
    names = credit_formats(FORMATS.values())
    if to not in names:
        return False
    own = sources[0].format.name
    if own != to:
        fact = f"{to!r} for rows of the format {own}"
        raise contract_error("credit", "to", "the format of the inputs", fact)
    if len(estimators) != 1:
        wanted = f"one estimator where `to` is {to!r}"
        raise contract_error("credit", "estimators", wanted, ", ".join(estimators))
    for name, value in others.items():
        if value:
            raise contract_error("credit", name, f"left out where `to` is {to!r}", repr(value))
    return True


def write_native(
    path: Location, source: Source, tables: Iterable[tuple[Any, Any]], name: str, manifest: bytes
) -> None:
    """Write the rows of an input with the credit of the estimator `name` in the format's field."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = rows_with_credit(source.format, read_records(source.path), _credit(tables, name))
    beside = manifest_path(path)
    beside.unlink(missing_ok=True)  # of an older run
    with replaced(path) as file:
        file.writelines(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
    with replaced(beside) as file:
        file.write(manifest)


def _credit(tables: Iterable[tuple[Any, Any]], name: str) -> Iterator[Any]:
    """The credit of each trajectory; a row without any has no group."""
    for _, table in tables:
        own = table.filter(table["group"].is_valid())
        for batch in own.select([name]).to_batches(max_chunksize=1024):
            yield from batch.column(0).to_pylist()
