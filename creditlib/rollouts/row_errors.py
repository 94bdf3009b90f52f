"""Errors that a conversion did not expect, as a sentence with the row that raises them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from creditlib.rollouts.rollout_format import Row
from creditlib.vocabulary.messages import ContractError, error_line

__all__ = ["named_place"]

Result = TypeVar("Result")

_UNEXPECTED = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)


def named_place(
    convert: Callable[[Sequence[Row], Sequence[str]], Result],
    rows: Sequence[Row],
    places: Sequence[str],
) -> Result:
    """The result of a conversion of all rows; an unexpected error names the first row it is of.

    Refusals pass as they are. The row is the first one that cannot be converted alone.

    >>> named_place(lambda rows, places: [row["n"] for row in rows], [{"n": 6}], ["x.jsonl line 1"])
    [6]
    """
    try:
        return convert(rows, places)
    except ContractError:
        raise
    except (*_UNEXPECTED, OSError) as error:
        cause, place = error, f"the rows from {places[0]} to {places[-1]}"
        for row, own in zip(rows, places, strict=True):
            alone = _error_of(convert, row, own)
            if alone is not None:
                cause, place = alone, own
                break
        raise ContractError(
            f"rollouts: a row must have a form that its format knows, got {error_line(cause)} in "
            f"{place}."
        ) from error


def _error_of(
    convert: Callable[[Sequence[Row], Sequence[str]], object], row: Row, place: str
) -> Exception | None:
    """The unexpected error that a row raises alone, None if there is none."""
    try:
        convert([row], [place])
    except ContractError:
        return None
    except (*_UNEXPECTED, OSError) as error:
        return error
    return None
