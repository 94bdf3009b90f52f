"""Pass one of a row group in creditlib's schema: only the needed columns, never row by row.

What these functions do not know, such as an observation that is an object, is read row by row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from creditlib.rollouts import arrow_values
from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.crediting.names import column_names
from creditlib.rollouts.crediting.parquet_columns import needed_columns
from creditlib.rollouts.crediting.parts import STRICT, Facts, Lack, Part
from creditlib.rollouts.crediting.row_scan import scan_rows
from creditlib.rollouts.crediting.sources import Unit
from creditlib.rollouts.crediting.turn_columns import (
    turn_columns,
    wanted_columns,
    with_turn_length,
)
from creditlib.rollouts.json_files import json_value
from creditlib.rollouts.parquet_files import parquet_file
from creditlib.rollouts.storage import check_reached, location
from creditlib.rollouts.values import schema_error
from creditlib.vocabulary.messages import ContractError, one_line

__all__ = ["scan_row_group"]

_ROWS = 8192  # rows that are in memory together, at most
_BATCH = 2**25  # bytes that the needed columns of these rows take, about
_BROKEN = (ValueError, TypeError, LookupError, ArithmeticError, OSError)
Array = np.ndarray[Any, Any]


def scan_row_group(unit: Unit, needs: frozenset[str], skip_bad: bool) -> list[Part]:
    """Pass one of a unit of a Parquet file; one part for each batch of rows."""
    arrow, _, _ = arrow_modules()
    parts: list[Part] = []
    done = 0
    try:
        with parquet_file(location(unit.path)) as file:
            columns, size = needed_columns(file, unit.group or 0, needs)
            rows = max(1, min(_ROWS, _BATCH * unit.rows // max(1, size)))
            for batch in file.iter_batches(rows, row_groups=[unit.group], columns=columns):
                parts.append(_scan_batch(batch, unit, done, needs, skip_bad))
                done += batch.num_rows
    except ContractError:
        raise
    except (arrow.ArrowException, *_BROKEN) as error:
        check_reached(unit.path, error)
        last = unit.first + unit.rows - 1
        fact = one_line(str(error).partition("\n")[0]).rstrip(".") or type(error).__name__
        sentence = (
            f"rollouts: {unit.path} must be a readable Parquet file: {fact} in row group "
            f"{unit.group}, row {unit.first} to row {last}."
        )
        if not skip_bad:
            raise ContractError(sentence) from None
        return [_lost(unit, sentence)]
    return parts


def _lost(unit: Unit, sentence: str) -> Part:
    """A row group that cannot be read: its rows of the output are empty."""
    arrow, _, _ = arrow_modules()
    numbers = np.arange(unit.first - 1, unit.first - 1 + unit.rows)
    nothing = arrow.nulls(unit.rows, arrow.string())
    labels = arrow.table({"row": numbers, "group": nothing, "trajectory": nothing})
    facts = Facts(rows=unit.rows, bad=unit.rows, sentences=(sentence,))
    return Part(labels, arrow.table({}), facts)


def _scan_batch(batch: Any, unit: Unit, done: int, needs: frozenset[str], skip_bad: bool) -> Part:
    try:
        return _as_columns(batch, unit, done, needs)
    except arrow_values.UnknownFormError:
        first = unit.first + done
        places = [f"{unit.path} row {first + at}" for at in range(batch.num_rows)]
        listed = zip(batch.to_pylist(), places, strict=True)
        rows = [_row(row, place, skip_bad) for row, place in listed]
        numbers = range(first - 1, first - 1 + len(rows))
        return scan_rows(rows, places, numbers, needs, skip_bad, done)


def _row(row: Mapping[str, Any], place: str, skip_bad: bool) -> dict[str, Any] | None:
    """A row as JSON would hold it, without the keys of turns that are null; None for a bad one."""
    found = {key: value for key, value in row.items() if value is not None}
    found |= {key: row[key] for key in ("group", "outcome", "turns") if key in row}
    turns: Any = row.get("turns")
    try:
        if isinstance(turns, list):
            listed = cast("list[Any]", turns)
            found["turns"] = [_turn(turn, f"{place} turn {k}") for k, turn in enumerate(listed)]
    except ContractError:
        if not skip_bad:
            raise
        return None
    return found


def _turn(turn: Any, place: str) -> Any:
    if not isinstance(turn, Mapping):
        return turn
    whole = cast("Mapping[str, Any]", turn)
    found = {key: value for key, value in whole.items() if value is not None}
    text = found.pop("observation_json", None)
    if text is not None:
        try:
            found["observation"] = json_value(text)
        except (TypeError, ValueError, RecursionError):
            wanted = "the text of a JSON value"
            raise schema_error("observation_json", wanted, text, place) from None
    return found


def _as_columns(batch: Any, unit: Unit, done: int, needs: frozenset[str]) -> Part:
    """The part of a batch all of whose columns have a plain form and fine values."""
    arrow, _, _ = arrow_modules()
    keys = set(batch.schema.names)
    wanted = wanted_columns(needs)
    if not {"group", "outcome", "turns"} <= keys or wanted & {"answer"} & keys:
        raise arrow_values.UnknownFormError
    rows, first = batch.num_rows, unit.first + done
    outcome, nan = arrow_values.scores(batch.column("outcome"), True)
    valid = ~np.isnan(outcome)
    flat, count = arrow_values.turns(batch.column("turns"))
    stated = "length" in keys and arrow_values.some(batch.column("length"))
    wanted = with_turn_length(wanted, stated)
    group_kind, group, check = column_names(batch.column("group"), True)
    name_kind, name = "", np.full(rows, -1, dtype=np.int64)
    if "id" in keys:
        name_kind, name, _ = column_names(batch.column("id"), False)
    table: dict[str, Any] = {
        "index": np.arange(done, done + rows),
        "place": np.arange(first, first + rows),
        "group": group,
        "check": check,
        "name": name,
        "reward": np.where(valid, outcome, 0.0).astype(np.float32),
        "valid": valid,
        "turn_count": count.astype(np.int32),
        **turn_columns(flat, count, wanted),
    }
    sizes: frozenset[int] = frozenset()
    if "length" in wanted and stated:
        table["length"] = arrow_values.integers(batch.column("length"))
    if "rewards" in wanted and "rewards" in keys and arrow_values.some(batch.column("rewards")):
        table["rewards"], size = arrow_values.objectives(batch.column("rewards"))
        sizes = frozenset({size})
    kinds = [f"group {group_kind}"] + ([f"trajectory {name_kind}"] if name_kind else [])
    facts = Facts(
        has=frozenset(wanted & table.keys()),
        lacks=_lacks(wanted & set(STRICT) - table.keys(), count, valid, unit, first),
        objectives=sizes,
        names=frozenset(kinds),
        rows=rows,
        trajectories=rows,
        turns=int(count.sum()),
        excluded=int((~valid).sum()),
        nan=_lack(nan, unit, first),
    )
    ids = arrow_values.text(batch.column("id")) if name_kind else arrow.nulls(rows, arrow.string())
    numbers = np.arange(first - 1, first - 1 + rows)
    labels = {"row": numbers, "group": arrow_values.text(batch.column("group")), "trajectory": ids}
    return Part(arrow.table(labels), arrow.table(table), facts)


def _lacks(
    tensors: set[str], count: Array, valid: Array, unit: Unit, first: int
) -> dict[str, Lack]:
    """The trajectories that would need the key of a tensor that no row of the batch has."""
    found: dict[str, Lack] = {}
    for tensor in sorted(tensors):
        rows = count > 0
        if tensor in ("length", "rewards"):
            rows = valid if tensor == "rewards" else np.ones(len(count), dtype=bool)
        lack = _lack(rows, unit, first)
        if lack is not None:
            found[tensor] = lack
    return found


def _lack(rows: Array, unit: Unit, first: int) -> Lack | None:
    """How many rows are meant, and the place of the first one."""
    if not rows.any():
        return None
    return Lack(int(rows.sum()), f"{unit.path} row {first + int(rows.argmax())}")
