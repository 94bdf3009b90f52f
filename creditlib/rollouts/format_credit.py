"""Rows of a file with credit in the field that their own format has for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from creditlib.rollouts.rollout_format import RolloutFormat, Row
from creditlib.vocabulary.messages import ContractError, contract_error

__all__ = ["credit_formats", "rows_with_credit"]

Credit = float | Sequence[float] | None


def credit_formats(formats: Iterable[RolloutFormat]) -> list[str]:
    """The names of the formats that have a field for credit.

    >>> from creditlib.rollouts.formats import FORMATS
    >>> credit_formats(FORMATS.values())
    ['verifiers', 'atropos']
    """
    return [each.name for each in formats if each.with_credit is not None]


def rows_with_credit(
    format: RolloutFormat, rows: Iterable[tuple[str, Row]], credit: Iterable[Credit]
) -> Iterator[Row]:
    """Rows of a file, each with the credit of its trajectories in the format's own field.

    A token of turn k gets credit[k]; tokens that the policy did not write get 0, or none.

    rows: places and rows as read; they are not changed.
    credit: one item for each trajectory, in the order in which `format.convert` gives them row by
        row: a number per turn, one number for all turns, or None for a trajectory that takes no
        part, whose turns get 0.

    Errors: a format without such a field; credit for more or fewer trajectories, or turns, than the
    rows have.

    >>> from creditlib.rollouts.formats import FORMATS
    >>> row = {"tokens": [[1, 4, 5]], "masks": [[-100, 4, 5]], "scores": [1.0]}
    >>> next(rows_with_credit(FORMATS["atropos"], [("x line 1", row)], [[0.5]]))["advantages"]
    [[0.0, 0.5, 0.5]]
    """
    if format.with_credit is None:
        raise contract_error(
            "rows_with_credit", "format", "a format with a field for credit", repr(format.name)
        )
    left = iter(credit)
    for place, row in rows:
        found: list[Sequence[float]] = []
        for trajectory in format.convert([row], [place]).trajectories:
            given = next(left, left)
            if given is left:
                raise _wrong_number("fewer", place)
            found.append(_per_turn(given, len(trajectory["turns"])))  # pyright: ignore[reportArgumentType]
        yield format.with_credit(row, place, found)
    if next(left, left) is not left:
        raise _wrong_number("more", "the last row")


def _per_turn(credit: Credit, turns: int) -> Sequence[float]:
    if credit is None:
        return [0.0] * turns
    return [credit] * turns if isinstance(credit, (int, float)) else credit


def _wrong_number(which: str, place: str) -> ContractError:
    return contract_error(
        "rows_with_credit", "credit", "one item for each trajectory", f"{which} at {place}"
    )
