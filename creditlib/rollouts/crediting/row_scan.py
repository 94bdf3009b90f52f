"""Pass one of trajectories as dictionaries: the tensors of a chunk as columns of a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.inputs.ids import ids
from creditlib.rollouts.crediting.parts import STRICT, Facts, Lack, Part, merge_facts
from creditlib.rollouts.crediting.plan import ALWAYS
from creditlib.rollouts.parquet_files import arrow_modules
from creditlib.rollouts.row_errors import named_place
from creditlib.rollouts.schema import TURN_KEYS, keys_of_tensor
from creditlib.rollouts.trajectories import Rollouts, from_trajectories
from creditlib.rollouts.values import plain_value, schema_error
from creditlib.vocabulary.messages import ContractError

__all__ = [
    "TURN_TENSORS",
    "fits_int64",
    "group_ids",
    "name_ids",
    "scan_rows",
    "wanted_columns",
    "with_turn_length",
]

Row = Mapping[str, Any]

_NUMBER = re.compile(r" (?:row|line|item) (\d+)")
# Tensors of shape [batch turn] with their dtype in the columns.
TURN_TENSORS = {
    "turn_reward": np.float32,
    "duration": np.float32,
    "process_reward": np.float32,
    "gold_log_prob": np.float32,
    "turn_length": np.int64,
    "anchor": np.int64,
    "action": np.int64,
}
# What each column of a tensor is computed from, where it is not the tensor itself.
_OWN = {"information_gain": "gold_log_prob"}


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
    keys = _turn_keys(wanted)
    unread = {"length", "answer", "rewards"} - wanted
    reduced = [_reduced(row, keys, unread) for row in rows]
    try:
        classes = [(list(range(len(rows))), _tensors(reduced, places))] if reduced else []
        broken: dict[int, str] = {}
    except ContractError:
        if not skip_bad:
            raise
        classes, broken = _sorted_out(reduced, places)
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
    labels, kinds = _labels(rows, good, numbers)
    if columns.num_rows:
        at = columns.schema.get_field_index("index")
        columns = columns.set_column(at, "index", arrow.array(columns["index"].to_numpy() + first))
    return Part(labels, columns, merge_facts([whole, more, Facts(names=kinds)]))


def wanted_columns(needs: frozenset[str]) -> set[str]:
    """The columns that the needed tensors are computed from, besides those of every trajectory.

    >>> sorted(wanted_columns(frozenset({"reward", "anchor", "information_gain"})))
    ['anchor', 'gold_log_prob']
    """
    return {_OWN.get(name, name) for name in needs} - ALWAYS


def _turn_keys(wanted: Iterable[str]) -> frozenset[str]:
    found = {key for name in wanted for key in keys_of_tensor(name) if key in TURN_KEYS}
    return frozenset(found)


def _reduced(row: Any, keys: frozenset[str], unread: set[str]) -> Any:
    """A trajectory with the keys that are needed; what is no trajectory stays."""
    if not isinstance(row, Mapping) or not isinstance(row.get("turns"), list):
        return row
    turns = [
        {key: turn[key] for key in keys if key in turn} if isinstance(turn, Mapping) else turn
        for turn in row["turns"]
    ]
    return {**{key: value for key, value in row.items() if key not in unread}, "turns": turns}


def _tensors(rows: Sequence[Any], places: Sequence[str]) -> Rollouts:
    def convert(rows: Sequence[Row], places: Sequence[str]) -> Rollouts:
        for row, place in zip(rows, places, strict=True):
            if isinstance(row, Mapping):
                _check_name(row.get("id"), place)
        return from_trajectories(rows, places=places)

    return named_place(convert, rows, places)


def _check_name(name: Any, place: str) -> None:
    name = plain_value(name)
    if name is not None and (isinstance(name, bool) or not isinstance(name, (str, int))):
        raise schema_error("id", "a text or an integer", name, place)


def _sorted_out(
    rows: Sequence[Any], places: Sequence[str]
) -> tuple[list[tuple[list[int], Rollouts]], dict[int, str]]:
    """Rows by the keys that they have, each class with its tensors; the sentences on bad rows."""
    broken: dict[int, str] = {}
    classes: dict[Any, list[int]] = {}
    for index, (row, place) in enumerate(zip(rows, places, strict=True)):
        try:
            found = _tensors([row], [place])
        except ContractError as error:
            broken[index] = str(error)
            continue
        sizes = found.tensors["rewards"].shape[1] if "rewards" in found.tensors else 0
        empty = not len(found.trajectories[0]["turns"])
        has_length = row.get("length") is not None
        kinds = (frozenset(found.tensors), _rewarded(found), sizes, empty, has_length)
        classes.setdefault(kinds, []).append(index)
    return [
        (members, _tensors([rows[i] for i in members], [places[i] for i in members]))
        for members in classes.values()
    ], broken


def _rewarded(found: Rollouts) -> bool:
    """Whether the turns state rewards themselves."""
    return any(
        turn.get("reward") is not None for row in found.trajectories for turn in row["turns"]
    )


def with_turn_length(wanted: set[str], stated: bool) -> set[str]:
    """The tensors to read; a length that is not stated is the sum over the turns.

    >>> sorted(with_turn_length({"length"}, stated=False))
    ['length', 'turn_length']
    """
    return wanted | ({"turn_length"} if "length" in wanted and not stated else set())


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
    if not _rewarded(found):
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


def group_ids(names: Sequence[Any]) -> tuple[Any, Any]:
    """The id of the group of each trajectory as in `ids`, and a second, independent hash.

    Two groups whose ids collide differ in the second one.

    >>> id, check = group_ids(["a", "b", "a"])
    >>> bool(id[0] == id[2] and check[0] == check[2] and check[0] != check[1])
    True
    """
    distinct = list(dict.fromkeys((type(name), name) for name in names))
    place = {key: at for at, key in enumerate(distinct)}
    which = np.fromiter((place[type(n), n] for n in names), dtype=np.int64, count=len(names))
    plain = [name for _, name in distinct]
    first = ids(plain).numpy()
    second = ids([("group", name) for name in plain]).numpy()
    return first[which], second[which]


def name_ids(names: Sequence[Any]) -> Any:
    """The id of the name of each trajectory, −1 where it has none."""
    found = np.full(len(names), -1, dtype=np.int64)
    named = [at for at, name in enumerate(names) if name is not None]
    found[named] = ids([names[at] for at in named]).numpy()
    return found


def fits_int64(value: Any) -> bool:
    """Whether a name is an integer that a column can hold."""
    return isinstance(value, int) and -(2**63) <= value < 2**63


def _labels(
    rows: Sequence[Any], good: Sequence[bool], numbers: Sequence[int]
) -> tuple[Any, frozenset[str]]:
    """The names of groups and trajectories as text, null for a bad row, and their kinds."""
    arrow, _, _ = arrow_modules()
    columns: dict[str, list[str | None]] = {}
    kinds: set[str] = set()
    for column, key in (("group", "group"), ("trajectory", "id")):
        found: list[str | None] = []
        for row, fine in zip(rows, good, strict=True):
            name = plain_value(row.get(key)) if fine else None
            if name is not None:
                kinds.add(f"{column} {'integer' if fits_int64(name) else 'text'}")
            found.append(None if name is None else str(name))
        columns[column] = found
    return arrow.table(
        {
            "row": arrow.array(numbers, arrow.int64()),
            **{name: arrow.array(each, arrow.string()) for name, each in columns.items()},
        }
    ), frozenset(kinds)


def _nan(rows: Sequence[Any], places: Sequence[str], broken: Mapping[int, str]) -> Lack | None:
    found = [
        at
        for at, row in enumerate(rows)
        if at not in broken
        and isinstance(row["outcome"], float)
        and row["outcome"] != row["outcome"]
    ]
    return Lack(len(found), places[found[0]]) if found else None
