"""The outputs: where they lie, their rows, and writing them whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from creditlib.rollouts.addresses import Address
from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.crediting.manifest import KEY, manifest_path
from creditlib.rollouts.crediting.row_lines import tolerant_rows
from creditlib.rollouts.crediting.sources import Source, Unit
from creditlib.rollouts.disk import replaced
from creditlib.rollouts.files import read_records
from creditlib.rollouts.parquet_files import parquet_file
from creditlib.rollouts.storage import Location, below, location, looked_up
from creditlib.vocabulary.messages import ContractError, contract_error, did_you_mean

__all__ = ["TO", "Form", "output_paths", "unit_table", "write_output"]

TO = ("parquet", "jsonl")
_SHOWN = ("group_size", "group_constant", "met_a_peer")


@dataclass(frozen=True)
class Form:
    """How outputs look.

    stitch: whether they are copies of the inputs. informative: whether only groups with credit
    other than 0 are written. spread: whether rows are not those of the file. names: the kinds of
    the names of groups and trajectories. types: the arrow type of the credit of each estimator.
    """

    stitch: bool
    informative: bool
    skip_bad: bool
    spread: bool
    names: frozenset[str]
    types: Mapping[str, Any]


def output_paths(
    sources: Sequence[Source], out: str | Path | None, to: str | None, stitch: bool
) -> list[Location]:
    """The output of each input: beside it, or in the folder `out` as it lies below what was named.

    Two inputs with one output are refused.
    """
    if to is not None and to not in TO:
        wanted = "'parquet', 'jsonl', 'verifiers' or 'atropos'"
        near = did_you_mean(to, ("parquet", "jsonl", "verifiers", "atropos"))
        raise contract_error("credit", "to", wanted, f"{to!r}{near}")
    found: dict[Location, Location] = {}
    for source in sources:
        kind = to or ("parquet" if source.parquet or not stitch else "jsonl")
        if stitch and kind == "parquet" and not source.parquet:
            remedy = "leave `to` out"
            fact = f"'parquet' for a copy of {source.path}"
            raise contract_error("credit", "to", "the kind of the input, or 'jsonl'", fact, remedy)
        name = f"{source.path.stem}.{'credited' if stitch else 'credit'}.{kind}"
        folder = source.path.parent
        if out is not None:
            folder = location(out) / below(folder, source.parent)
        if isinstance(folder, Address) and not folder.writable:
            remedy = "name a folder of this machine or of a store"
            fact = f"none for {source.path}, which lies on a web server"
            raise contract_error("credit", "out", "a folder that can be written", fact, remedy)
        path = folder / name
        if path in found:
            fact = f"{path} for {found[path]} and for {source.path}"
            remedy = "credit them in two runs"
            raise contract_error("credit", "paths", "files of distinct names", fact, remedy)
        found[path] = source.path
    return looked_up(found)


def unit_table(labels: Sequence[Any], credit: Any | None, form: Form) -> Any:
    """The rows of the output of one unit: labels with the credit that was found for each.

    A row without credit, because it is bad, has null there.
    """
    arrow, compute, _ = arrow_modules()
    whole = arrow.concat_tables(labels, promote_options="default")
    rows = whole.num_rows
    index = np.full(rows, -1, dtype=np.int64)
    if credit is not None:
        index[credit["index"].to_numpy()] = np.arange(credit.num_rows)
    at = arrow.array(index, mask=index < 0)
    columns: dict[str, Any] = {}
    if form.spread or form.informative:
        columns["row"] = whole["row"]
    columns["trajectory"] = _trajectory(whole, form.names)
    kinds = {name for name in form.names if name.startswith("group ")}
    integer = kinds == {"group integer"}
    columns["group"] = whole["group"].cast(arrow.int64()) if integer else whole["group"]
    types = {
        **form.types,
        "group_size": arrow.int64(),
        "group_constant": arrow.bool_(),
        "met_a_peer": arrow.float64(),
        "informative": arrow.bool_(),
    }
    for name, kind in types.items():
        found = arrow.nulls(rows, kind) if credit is None else credit[name].take(at).cast(kind)
        columns[name] = found
    table = arrow.table(columns)
    if form.informative:
        table = table.filter(compute.fill_null(table["informative"], False))
    return table.drop_columns(["informative"])


def _trajectory(labels: Any, names: frozenset[str]) -> Any:
    """The name of each trajectory, or the number of its row where no file has names."""
    arrow, _, _ = arrow_modules()
    kinds = {name for name in names if name.startswith("trajectory ")}
    if not kinds:
        return labels["row"]
    integer = kinds == {"trajectory integer"}
    return labels["trajectory"].cast(arrow.int64()) if integer else labels["trajectory"]


def write_output(
    path: Location,
    source: Source,
    tables: Iterable[tuple[Unit, Any]],
    form: Form,
    manifest: bytes,
) -> None:
    """Write the output of one input; it takes its place when it is whole.

    `tables` are the rows of each unit, in order. An error, such as a full disk, leaves what was
    there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        _write_parquet(path, _copied(source, tables) if form.stitch else _tables(tables), manifest)
        return
    rows = _json_copies(source, tables, form) if form.stitch else _json_rows(tables)
    beside = manifest_path(path)
    beside.unlink(missing_ok=True)  # of an older run
    with replaced(path) as file:
        file.writelines(json.dumps(row, ensure_ascii=False, default=_plain).encode() + b"\n"
                        for row in rows)  # fmt: skip
    with replaced(beside) as file:
        file.write(manifest)


def _tables(tables: Iterable[tuple[Unit, Any]]) -> Iterator[Any]:
    return (table for _, table in tables)


def _write_parquet(path: Location, tables: Iterator[Any], manifest: bytes) -> None:
    _, _, parquet = arrow_modules()
    first = next(tables)
    metadata = {**(first.schema.metadata or {}), KEY: manifest}
    schema = first.schema.with_metadata(metadata)
    with replaced(path) as file, parquet.ParquetWriter(file, schema) as writer:
        table: Any = first
        while table is not None:
            if table.num_rows:
                writer.write_table(table.cast(schema), row_group_size=table.num_rows)
            table = next(tables, None)


def _copied(source: Source, tables: Iterable[tuple[Unit, Any]]) -> Iterator[Any]:
    """The rows of a Parquet file with the columns of credit added."""
    arrow, _, _ = arrow_modules()
    with parquet_file(source.path) as file:
        for unit, table in tables:
            whole = file.read() if unit.group is None else file.read_row_group(unit.group)
            start = unit.first - 1
            kept = whole
            if "row" in table.column_names:
                kept = whole.take(arrow.array(table["row"].to_numpy() - start))
            for name in _added(table):
                if name in kept.column_names:
                    raise _taken(name, source)
                kept = kept.append_column(name, table[name])
            yield kept


def _added(table: Any) -> list[str]:
    return [name for name in table.column_names if name not in ("row", "trajectory", "group")]


def _taken(name: str, source: Source) -> ContractError:
    fact = f"the column `{name}` of {source.path}"
    remedy = "write a sidecar instead"
    return contract_error("credit", "stitch", "false where a file has such a column", fact, remedy)


def _json_rows(tables: Iterable[tuple[Unit, Any]]) -> Iterator[Mapping[str, Any]]:
    for _, table in tables:
        for batch in table.to_batches(max_chunksize=1024):
            yield from batch.to_pylist()


def _json_copies(
    source: Source, tables: Iterable[tuple[Unit, Any]], form: Form
) -> Iterator[Mapping[str, Any]]:
    """The rows of a file with the keys of credit added; lines that are no JSON are left out."""
    rows: Iterator[Any] = (
        (row for _, row, _ in tolerant_rows(source.path))
        if form.skip_bad
        else (row for _, row in read_records(source.path))
    )
    last = -1
    for unit, table in tables:
        names = _added(table)
        at = unit.first - 1
        for batch in table.to_batches(max_chunksize=1024):
            for added in batch.to_pylist():
                number = added.get("row", at)
                at += 1
                row: Any = None
                while last < number:
                    row, last = next(rows), last + 1
                if row is None:
                    continue
                for name in names:
                    if name in row:
                        raise _taken(name, source)
                yield {**row, **{name: added[name] for name in names}}


def _plain(value: Any) -> Any:
    """Arrays and numpy numbers as Python values."""
    return value.tolist()
