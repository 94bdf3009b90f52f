"""Pass one of trajectories as dictionaries: the tensors of a chunk as columns of a table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.crediting.names import group_ids, labels_of, name_ids
from creditlib.rollouts.crediting.parts import STRICT, Facts, Lack, Part, merge_facts
from creditlib.rollouts.crediting.row_classes import rewarded, row_tensors, sorted_out
from creditlib.rollouts.crediting.turn_columns import (
    TURN_TENSORS,
    turn_keys,
    wanted_columns,
    with_turn_length,
)
from creditlib.rollouts.trajectories import Rollouts
from creditlib.vocabulary.messages import ContractError

__all__ = ["scan_rows"]

Row = Mapping[str, Any]

_NUMBER = re.compile(r" (?:row|line|item) (\d+)")


def scan_rows(
    rows: Sequence[Any],
    places: Sequence[str],
    numbers: Sequence[int],
    needs: frozenset[str],
    skip_bad: bool,
    first: int = 0,
) -> Part:
    """Pass one of some trajectories in creditlib's schema.

    `numbers` are the rows of the file that they stand in, from 0, and `first` is the row of the
    output that the first one gets. With `skip_bad` a trajectory that breaks the schema is counted,
    and its row of the output is empty.
    """
    wanted = wanted_columns(needs)
    keys = turn_keys(wanted)
    unread = {"length", "answer", "rewards"} - wanted
    reduced = [_reduced(row, keys, unread) for row in rows]
    try:
        classes = [(list(range(len(rows))), row_tensors(reduced, places))] if reduced else []
        broken: dict[int, str] = {}
    except ContractError:
        if not skip_bad:
            raise
        classes, broken = sorted_out(reduced, places)
    tables: list[Any] = []
    facts: list[Facts] = []
    for members, found in classes:
        table, own = _columns(found, members, wanted, rows, places)
        tables.append(table)
        facts.append(own)
    arrow, _, _ = arrow_modules()
    columns = arrow.concat_tables(tables, promote_options="default") if tables else arrow.table({})
    if len(tables) > 1:
        columns = columns.take(np.argsort(columns["index"].to_numpy(), kind="stable"))
    whole = merge_facts(facts)
    sentences = tuple(broken[index] for index in sorted(broken)[:5])
    more = Facts(
        rows=len(rows),
        bad=len(broken),
        sentences=sentences,
        nan=_nan(rows, places, broken),
    )
    good = [index not in broken for index in range(len(rows))]
    labels, kinds = labels_of(rows, good, numbers)
    if columns.num_rows:
        at = columns.schema.get_field_index("index")
        columns = columns.set_column(at, "index", arrow.array(columns["index"].to_numpy() + first))
    return Part(labels, columns, merge_facts([whole, more, Facts(names=kinds)]))


def _reduced(row: Any, keys: frozenset[str], unread: set[str]) -> Any:
    """A trajectory with the keys that are needed; what is no trajectory stays."""
    if not isinstance(row, Mapping) or not isinstance(row.get("turns"), list):
        return row
    turns = [
        {key: turn[key] for key in keys if key in turn} if isinstance(turn, Mapping) else turn
        for turn in row["turns"]
    ]
    return {**{key: value for key, value in row.items() if key not in unread}, "turns": turns}


def _columns(
    found: Rollouts,
    members: Sequence[int],
    wanted: set[str],
    rows: Sequence[Any],
    places: Sequence[str],
) -> tuple[Any, Facts]:
    """The table of a class of trajectories, and its facts."""
    arrow, _, _ = arrow_modules()
    tensors = dict(found.tensors)
    if not rewarded(found):
        tensors.pop("turn_reward")
    stated = found.trajectories[0].get("length") is not None
    if not stated:  # the sum over the turns is taken later
        tensors.pop("length", None)
    wanted = with_turn_length(wanted, stated)
    count = tensors["turn_count"].numpy()
    names = [rows[index].get("id") for index in members]
    group = [row["group"] for row in found.trajectories]
    id, check = group_ids(group)
    table: dict[str, Any] = {
        "index": np.asarray(members, dtype=np.int64),
        "place": np.asarray([_place_number(places[index]) for index in members], dtype=np.int64),
        "group": id,
        "check": check,
        "name": name_ids(names),
        "reward": tensors["reward"].numpy(),
        "valid": tensors["valid"].numpy(),
        "turn_count": count.astype(np.int32),
    }
    for name in sorted(wanted & set(tensors)):
        if name in TURN_TENSORS:
            table[name] = _ragged(tensors[name], count)
        elif name in ("length", "answer"):
            table[name] = tensors[name].numpy()
        elif name == "rewards":
            table[name] = arrow.array(list(tensors[name].numpy()), arrow.list_(arrow.float32()))
    absent = {name: _first_lack(name, found, members, places) for name in wanted if name in STRICT}
    lacks = {name: lack for name, lack in absent.items() if lack and name not in tensors}
    rewards = tensors.get("rewards")
    return arrow.table(table), Facts(
        has=frozenset(wanted) & frozenset(tensors),
        lacks=lacks,
        objectives=frozenset() if rewards is None else frozenset({rewards.shape[1]}),
        trajectories=len(members),
        turns=int(count.sum()),
        excluded=int((~tensors["valid"]).sum()),
    )


def _first_lack(
    name: str, found: Rollouts, members: Sequence[int], places: Sequence[str]
) -> Lack | None:
    """The trajectories of a class that would need a key that the class lacks."""
    if name == "length":
        own = list(range(len(members)))
    elif name == "rewards":
        own = [i for i, row in enumerate(found.trajectories) if row["outcome"] is not None]
    else:
        own = [i for i, row in enumerate(found.trajectories) if row["turns"]]
    return Lack(len(own), places[members[own[0]]]) if own else None


def _ragged(padded: Tensor, count: Any) -> Any:
    """[batch turn] as a list of real turns for each trajectory."""
    arrow, _, _ = arrow_modules()
    real = torch.arange(padded.shape[1], device="cpu") < torch.from_numpy(count)[:, None]
    ends = np.concatenate([[0], np.cumsum(count)]).astype(np.int32)
    return arrow.ListArray.from_arrays(arrow.array(ends), arrow.array(padded[real].numpy()))


def _place_number(place: str) -> int:
    """The number of the row in a place: 3 of 'x.jsonl line 3 trace 0', 1 where there is none."""
    found = _NUMBER.findall(place)
    return int(found[-1]) if found else 1


def _nan(rows: Sequence[Any], places: Sequence[str], broken: Mapping[int, str]) -> Lack | None:
    found = [
        at
        for at, row in enumerate(rows)
        if at not in broken
        and isinstance(row["outcome"], float)
        and row["outcome"] != row["outcome"]
    ]
    return Lack(len(found), places[found[0]]) if found else None
