"""Trajectories as plain dictionaries into the tensors of the vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from creditlib.inputs.ids import anchor_ids, ids
from creditlib.rollouts.column_rows import ColumnRows
from creditlib.rollouts.normal_rows import normal_row
from creditlib.rollouts.notebook_table import notebook_table
from creditlib.rollouts.schema import TRAJECTORY_KEYS, TURN_KEYS, unread_keys, unread_note
from creditlib.rollouts.turns import Turns, turn_tensors
from creditlib.rollouts.values import is_count, items_of, number_of, schema_error
from creditlib.vocabulary.messages import ContractError

__all__ = ["Rollouts", "from_trajectories"]

Trajectory = Mapping[str, Any]


@dataclass(frozen=True, repr=False)
class Rollouts:
    """A batch of trajectories: tensors for the estimators, texts for a reader.

    tensors: what `creditlib.apply` takes; a tensor exists only if every trajectory or turn had
        the key.
    trajectories: the rows as read, in the schema of `docs/rollouts.md`; an outcome is a number or
        None. Those of Parquet are held as columns, and become dictionaries when they are asked for.
    places: where each row was read, such as 'run/1.jsonl line 3'.
    notes: what the reader had to decide and which keys it did not read, one sentence each.
    unknown_keys: the keys of trajectories and turns that the schema does not have.
    format: the name of the format of the files, '' for trajectories in memory.
    sources: tensor -> whose keys of that format fill it; None: those of creditlib's own schema.
    """

    tensors: Mapping[str, Tensor]
    trajectories: Sequence[Trajectory]
    places: Sequence[str]
    notes: tuple[str, ...] = ()
    unknown_keys: tuple[str, ...] = ()
    format: str = ""
    sources: Mapping[str, str] | None = None

    @property
    def groups(self) -> dict[str | int, list[int]]:
        """The rows of every group, groups in order of first appearance."""
        rows = self.trajectories
        held = isinstance(rows, ColumnRows)
        names = rows.groups if held else [trajectory["group"] for trajectory in rows]
        found: dict[str | int, list[int]] = {}
        for row, name in enumerate(names):
            found.setdefault(name, []).append(row)
        return found

    def __repr__(self) -> str:
        """The counts of rows, groups and turns, the format, and the names of the tensors."""
        names = ", ".join(sorted(self.tensors))
        return f"Rollouts({self._counts()}; tensors {names})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the counts, the tensors, the first rows, and the notes."""
        title = f"Rollouts: {self._counts()}"
        return notebook_table(title, self.tensors, self.trajectories, self.notes)

    def _counts(self) -> str:
        rows, groups = len(self.trajectories), len(self.groups)
        turns = int(self.tensors["turn_count"].sum())
        counts = ((rows, "row"), (groups, "group"), (turns, "turn"))
        parts = [f"{count:,} {noun}{'' if count == 1 else 's'}" for count, noun in counts]
        return f"{', '.join(parts)}; format {self.format or 'none'}"


def from_trajectories(
    trajectories: Sequence[Trajectory],
    *,
    similarity: float | None = None,
    places: Sequence[str] | None = None,
    notes: tuple[str, ...] = (),
) -> Rollouts:
    """Tensors from trajectories in memory, in the schema of `docs/rollouts.md`.

    Every key is checked; the error names the first key that breaks its contract, and its place.
    null and NaN are no value: an outcome of null takes no part, and a key of a turn is absent. true
    and false are 1 and 0 as an outcome or a reward. Infinity and numbers as text are refused. Keys
    that the schema does not have stand in the notes.

    Args:
        trajectories: dictionaries in the schema.
        similarity: observations of a group that are at least this similar share an anchor, see
            `anchor_ids`; None asks for equality.
        places: where each row was read, such as 'run/1.jsonl line 3'; None numbers them.
        notes: sentences about the rows, for `notes` of the result.

    >>> rollouts = from_trajectories([
    ...     {"group": "7*8", "outcome": 1.0, "turns": [{"reward": 0.0}, {"reward": 1.0}]},
    ...     {"group": "7*8", "outcome": None, "turns": [{"reward": 0.5}]},
    ... ])
    >>> rollouts.tensors["turn_reward"]
    tensor([[0.0000, 1.0000],
            [0.5000, 0.0000]])
    >>> rollouts.tensors["valid"]
    tensor([ True, False])
    >>> rollouts
    Rollouts(2 rows, 1 group, 3 turns; format none; tensors group, reward, turn_count, \
turn_reward, valid)
    """
    if places is None:
        places = [f"trajectory {row}" for row in range(1, len(trajectories) + 1)]
    trajectories = [
        normal_row(trajectory, place)
        for trajectory, place in zip(trajectories, places, strict=True)
    ]
    turns = Turns(
        [turn for trajectory in trajectories for turn in trajectory["turns"]],
        [len(trajectory["turns"]) for trajectory in trajectories],
        places,
    )
    _check_turns(turns)
    outcomes = [trajectory["outcome"] for trajectory in trajectories]
    tensors: dict[str, Tensor] = {
        "reward": torch.tensor(
            [outcome or 0.0 for outcome in outcomes], dtype=torch.float32, device="cpu"
        ),
        "valid": torch.tensor(
            [outcome is not None for outcome in outcomes], dtype=torch.bool, device="cpu"
        ),
        "group": ids([trajectory["group"] for trajectory in trajectories]),
        "turn_count": turns.count,
    }
    tensors |= turn_tensors(turns, tensors["reward"])
    optional = {
        "anchor": _ids("observation", trajectories, turns, similarity),
        "action": _ids("action", trajectories, turns, None),
        "answer": _answers(trajectories, places),
        "rewards": _rewards(trajectories, places),
        "length": _length(trajectories, places, tensors.get("turn_length")),
    }
    tensors |= {name: tensor for name, tensor in optional.items() if tensor is not None}
    unknown = _unknown_keys(trajectories, turns)
    note = unread_note(list(unknown.items()), {"trajectory": TRAJECTORY_KEYS, "turn": TURN_KEYS})
    names = tuple(key for counts in unknown.values() for key in counts)
    return Rollouts(tensors, trajectories, places, (*notes, note) if note else tuple(notes), names)


def _unknown_keys(trajectories: Sequence[Trajectory], turns: Turns) -> dict[str, dict[str, int]]:
    return {
        "turn": {} if turns.keys <= TURN_KEYS else unread_keys(turns.flat, TURN_KEYS),
        "trajectory": unread_keys(trajectories, TRAJECTORY_KEYS),
    }


def _ids(
    key: str, trajectories: Sequence[Trajectory], turns: Turns, similarity: float | None
) -> Tensor | None:
    """The id of a key of each turn, None where no turn has the key; NaN is none, like null."""
    if key not in turns.keys:
        return None
    seen = [[_or_none(turn.get(key)) for turn in row["turns"]] for row in trajectories]
    if not any(value is not None for row in seen for value in row):
        return None
    names = [trajectory["group"] for trajectory in trajectories]
    try:
        return anchor_ids(seen, group=names, similarity=similarity)
    except (ValueError, RecursionError):
        for index, turn in enumerate(turns.flat):
            _check_id(key, _or_none(turn.get(key)), turns.place(index))
        raise


def _answers(trajectories: Sequence[Trajectory], places: Sequence[str]) -> Tensor | None:
    """The id of the answer of each trajectory, None where none has one."""
    given = [_or_none(trajectory.get("answer")) for trajectory in trajectories]
    if all(value is None for value in given):
        return None
    for value, place in zip(given, places, strict=True):
        _check_id("answer", value, place)
    names = [trajectory["group"] for trajectory in trajectories]
    return anchor_ids([[value] for value in given], group=names)[:, 0]


def _or_none(value: Any) -> Any:
    return None if isinstance(value, float) and value != value else value


def _check_id(key: str, value: Any, place: str) -> None:
    """Refuse a value that has no id, with its place."""
    try:
        anchor_ids([[value]])
    except RecursionError:
        raise ContractError(
            f"rollouts: `{key}` must be JSON of moderate depth, got one nested too "
            f"deeply in {place}."
        ) from None
    except ValueError:
        raise schema_error(key, "JSON", value, place) from None


def _check_turns(turns: Turns) -> None:
    for index, turn in enumerate(turns.flat):
        if not isinstance(turn, Mapping):
            raise schema_error("turns", "a list of objects", turn, turns.place(index))
        text = turn.get("text")
        if text is not None and not isinstance(text, str):
            raise schema_error("text", "a text", text, turns.place(index))


def _length(
    trajectories: Sequence[Trajectory], places: Sequence[str], turn_length: Tensor | None
) -> Tensor | None:
    """Tokens per trajectory: stated, or the sum over its turns; where both, they must agree."""
    summed = None if turn_length is None else turn_length.sum(dim=1)
    stated = [trajectory.get("length") for trajectory in trajectories]
    if all(length is None for length in stated):
        return summed
    sums: list[Any] = [None] * len(stated)
    if summed is not None:
        sums = cast("list[Any]", summed.tolist())  # pyright: ignore[reportUnknownMemberType]
    for length, total, place in zip(stated, sums, places, strict=True):
        if length is None:
            raise ContractError(
                f"rollouts: `length` must be in every trajectory or in none, got none in {place}."
            )
        if not is_count(length):
            raise schema_error("length", "a whole number, at least 0", length, place)
        if total is not None and length != total:
            contract = f"the sum of its turns' token counts, {total}"
            raise schema_error("length", contract, length, place)
    return torch.tensor(stated, dtype=torch.int64, device="cpu")


def _rewards(trajectories: Sequence[Trajectory], places: Sequence[str]) -> Tensor | None:
    """[batch objective], the outcome under each objective; NaN where an objective gives none.

    A row without an outcome needs no list.
    """
    stated = [trajectory.get("rewards") for trajectory in trajectories]
    given = [values for values in stated if values is not None]
    if not given:
        return None
    size = len(items_of(given[0]) or ())
    contract = f"a list of {size} numbers or nulls" if size else "a list of numbers"
    found: list[list[float]] = []
    for values, trajectory, place in zip(stated, trajectories, places, strict=True):
        absent = values is None and trajectory["outcome"] is None
        listed = [0.0] * size if absent else items_of(values) or ()
        numbers = [
            number_of(value, "rewards", f"{place} rewards[{k}]", contract)
            for k, value in enumerate(listed)
        ]
        if not len(numbers) == size > 0:
            raise schema_error("rewards", contract, values, place)
        found.append([float("nan") if number is None else number for number in numbers])
    return torch.tensor(found, dtype=torch.float32, device="cpu")
