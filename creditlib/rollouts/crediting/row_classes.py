"""Trajectories as tensors, or, where rows have other keys or are bad, classes of equal keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from creditlib.rollouts.row_errors import named_place
from creditlib.rollouts.trajectories import Rollouts, from_trajectories
from creditlib.rollouts.values import plain_value, schema_error
from creditlib.vocabulary.messages import ContractError

__all__ = ["rewarded", "row_tensors", "sorted_out"]

Row = Mapping[str, Any]


def row_tensors(rows: Sequence[Any], places: Sequence[str]) -> Rollouts:
    """The tensors of trajectories; names must be texts or integers, and errors have a place."""

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


def sorted_out(
    rows: Sequence[Any], places: Sequence[str]
) -> tuple[list[tuple[list[int], Rollouts]], dict[int, str]]:
    """Rows by the keys that they have, each class with its tensors; the sentences on bad rows."""
    broken: dict[int, str] = {}
    classes: dict[Any, list[int]] = {}
    for index, (row, place) in enumerate(zip(rows, places, strict=True)):
        try:
            found = row_tensors([row], [place])
        except ContractError as error:
            broken[index] = str(error)
            continue
        sizes = found.tensors["rewards"].shape[1] if "rewards" in found.tensors else 0
        empty = not len(found.trajectories[0]["turns"])
        has_length = row.get("length") is not None
        kinds = (frozenset(found.tensors), rewarded(found), sizes, empty, has_length)
        classes.setdefault(kinds, []).append(index)
    return [
        (members, row_tensors([rows[i] for i in members], [places[i] for i in members]))
        for members in classes.values()
    ], broken


def rewarded(found: Rollouts) -> bool:
    """Whether the turns state rewards themselves."""
    return any(
        turn.get("reward") is not None for row in found.trajectories for turn in row["turns"]
    )
