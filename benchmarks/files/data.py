"""Synthetic stored rollouts from a seed: sizes, lengths of texts, groups that straddle files."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["Size", "generate", "groups_of_file"]

_WORDS = 4096  # of seven letters and a space
_IDS = 50_000  # of tokens
_STATES = 12  # of a group, from which turns start
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Size:
    """What is generated.

    rows: trajectories, spread evenly over `files`. turns: the largest number of turns; the smallest
    is a fifth of it, every number equally often. group: trajectories of a group. straddle: the
    share of groups whose members lie as far apart as possible, in different files. words: of the
    text of a turn, on average; an observation has a quarter. tokens: token ids of a turn on
    average. unscored: the share of trajectories without an outcome. kind: "parquet" or "jsonl".

    As it stands it is 1.82 million turns and 1.26 GB.
    """

    rows: int = 192_000
    files: int = 24
    turns: int = 16
    group: int = 8
    straddle: float = 0.5
    words: int = 51
    tokens: int = 120
    unscored: float = 0.01
    row_group: int = 2000
    kind: str = "parquet"
    seed: int = 5


def generate(folder: Path, size: Size) -> list[Path]:
    """The files of some size, in order; those that a folder already holds are taken as they are.

    One file is in memory at a time. Another size in a folder is refused.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder / "size.json.stamp"
    told = json.dumps(asdict(size), sort_keys=True)
    paths = [folder / f"part-{number:04}.{size.kind}" for number in range(size.files)]
    if stamp.exists():
        if stamp.read_text() != told:
            raise ValueError(f"{folder} holds data of another size: {stamp.read_text()}")
        return paths
    for number, path in enumerate(paths):
        table = _table(size, number)
        if size.kind == "parquet":
            pq.write_table(table, path, row_group_size=size.row_group)
        else:
            with path.open("w") as file:
                for batch in table.to_batches(max_chunksize=512):
                    file.writelines(json.dumps(row) + "\n" for row in batch.to_pylist())
    stamp.write_text(told)
    return paths


def groups_of_file(size: Size, number: int) -> Array:
    """The group of each row of a file, before the rows are shuffled.

    The first part of every file straddles: row s of these rows belongs to group s mod count, so the
    members of a group lie `count` rows apart. The others are groups of neighbours.

    >>> two = Size(rows=8, files=2, group=2, straddle=0.5)
    >>> groups_of_file(two, 0).tolist(), groups_of_file(two, 1).tolist()
    ([0, 1, 2, 2], [0, 1, 3, 3])
    """
    own = _rows_of_file(size, number)
    before = sum(_rows_of_file(size, each) for each in range(number))
    apart = sum(int(_rows_of_file(size, each) * size.straddle) for each in range(number))
    apart_here = int(own * size.straddle)
    apart_whole = sum(int(_rows_of_file(size, each) * size.straddle) for each in range(size.files))
    count = max(1, -(-apart_whole // size.group))
    straddling = (apart + np.arange(apart_here)) % count
    near = (before - apart) + np.arange(own - apart_here)
    return np.concatenate([straddling, count + near // size.group])


def _rows_of_file(size: Size, number: int) -> int:
    return size.rows * (number + 1) // size.files - size.rows * number // size.files


def _table(size: Size, number: int) -> pa.Table:
    """One file as a table in creditlib's schema."""
    random = np.random.default_rng((size.seed, number))
    group = random.permutation(groups_of_file(size, number))
    rows = len(group)
    count = random.integers(max(1, size.turns // 5), size.turns + 1, rows)
    turns = int(count.sum())
    of_turn = np.repeat(group, count)
    state = of_turn * _STATES + random.integers(0, _STATES, turns)
    words = random.integers(1, 2 * size.words, turns)
    length = random.integers(1, 2 * size.tokens, turns)
    tokens = random.integers(0, _IDS, int(length.sum()), dtype=np.int32)
    struct = pa.StructArray.from_arrays(
        [
            _observations(state, max(1, size.words // 4)),
            _texts(random, words),
            pa.ListArray.from_arrays(_ends(length), pa.array(tokens)),
            pa.array((random.random(turns) < 0.1).astype(np.float64)),
            pa.array(random.exponential(2.0, turns)),
        ],
        ["observation", "text", "tokens", "reward", "seconds"],
    )
    outcome = (random.random(rows) < 0.4).astype(np.float64)
    first = sum(_rows_of_file(size, each) for each in range(number))
    return pa.table(
        {
            "id": pa.array([f"t{row}" for row in range(first, first + rows)]),
            "group": pa.array([f"task {each}" for each in group.tolist()]),
            "outcome": pa.array(outcome, mask=random.random(rows) < size.unscored),
            "turns": pa.ListArray.from_arrays(_ends(count), struct),
        }
    )


def _ends(count: Array) -> pa.Array:
    return pa.array(np.concatenate([[0], np.cumsum(count)]).astype(np.int32))


def _vocabulary() -> Array:
    """Words of seven letters and a space, as rows of 8 bytes."""
    letters = np.random.default_rng(0).integers(ord("a"), ord("z") + 1, (_WORDS, 8), dtype=np.uint8)
    letters[:, 7] = ord(" ")
    return letters


def _observations(state: Array, words: int) -> pa.Array:
    """The text of a state: equal state, equal text."""
    place = np.arange(words)
    which = (state[:, None] * 7919 + place * 104_729 + state[:, None] * place) % _WORDS
    text = _vocabulary()[which.ravel()]
    number = np.char.add(state.astype("S19"), b" ")  # no two states share a text
    body = text.reshape(len(state), -1).view(f"S{8 * words}").ravel()
    found = pa.array(np.char.add(number, body).astype(str))
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def _texts(random: np.random.Generator, words: Array) -> pa.Array:
    """Random words, so many a text."""
    data = _vocabulary()[random.integers(0, _WORDS, int(words.sum()))]
    offsets = np.concatenate([[0], np.cumsum(words * 8)]).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(data.tobytes())]
    return pa.StringArray.from_buffers(len(words), buffers[1], buffers[2])
