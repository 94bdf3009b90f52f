"""One rule for every number that a reader takes, and the sentence on a value that breaks it.

null and NaN are no value. A flag is 1 or 0 where a number is a score. Infinity and text are
refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeGuard, cast

import numpy as np
import torch

from creditlib.vocabulary.messages import ContractError, one_line

__all__ = [
    "LARGEST",
    "MOST",
    "SCORE",
    "Place",
    "is_count",
    "is_number",
    "items_of",
    "number_of",
    "plain_value",
    "schema_error",
    "score_of",
]

# A place in a file, or a function that finds it when a sentence needs it.
Place = str | Callable[[], str]

LARGEST = float(torch.finfo(torch.float32).max)
MOST = 2**62  # counts are smaller, so that the sum of two fits int64
SCORE = "a finite number, true, false or null"


def schema_error(
    key: str, contract: str, value: object, place: Place, remedy: str = ""
) -> ContractError:
    """The sentence on a value that breaks its contract, with the place it was read.

    >>> print(schema_error("outcome", "a finite number or null", "x", "run/1.jsonl line 3"))
    rollouts: `outcome` must be a finite number or null, got 'x' in run/1.jsonl line 3.
    """
    text = one_line(_text_of(value))
    shown = text if len(text) <= 60 else text[:57] + "..."
    where = place if isinstance(place, str) else place()
    end = f"; {remedy}" if remedy else ""
    return ContractError(f"rollouts: `{key}` must be {contract}, got {shown} in {where}{end}.")


def _text_of(value: object) -> str:
    """A value as text; its type where Python refuses to write it, such as a very long integer."""
    try:
        return repr(value)
    except (ValueError, RecursionError):
        return f"{type(value).__name__} that cannot be shown"


def items_of(value: object) -> Sequence[Any] | None:
    """The items of a list or of a numpy array of objects, None for anything else.

    >>> items_of([1, 2]), items_of("text")
    ([1, 2], None)
    """
    if isinstance(value, np.ndarray):
        array = cast("np.ndarray[Any, Any]", value)
        return list(array) if array.ndim == 1 and array.dtype == object else None
    return cast("Sequence[Any]", value) if isinstance(value, (list, tuple)) else None


def plain_value(value: Any) -> Any:
    """A numpy number or a tensor without axes as a Python value; anything else as it is.

    >>> plain_value(np.int64(7)), plain_value("7")
    (7, '7')
    """
    return value.item() if getattr(value, "ndim", None) == 0 else value


def is_number(value: object) -> TypeGuard[float]:
    """A number that float32 can hold; True is not one, and neither is NaN.

    >>> [is_number(value) for value in (1, 0.5, True, float("nan"), 1e39, "1")]
    [True, True, False, False, False, False]
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        return False
    return bool(-LARGEST <= value <= LARGEST)


def is_count(value: object) -> TypeGuard[int]:
    """A whole number from 0 that int64 can hold.

    >>> [is_count(value) for value in (0, 7, -1, 1.0, True)]
    [True, True, False, False, False]
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        return False
    return bool(0 <= value < MOST)


def number_of(
    value: object,
    key: str,
    place: Place,
    contract: str,
    limits: tuple[float, float] = (-LARGEST, LARGEST),
    flag: bool = True,
) -> float | None:
    """A value as a number, None where null or NaN says that there is none.

    `flag` says whether true and false are 1 and 0. Numbers outside the limits, infinities, text
    and everything else are refused; `contract` says what the value must be.

    >>> number_of(True, "outcome", "x.jsonl line 1", SCORE)
    1.0
    """
    plain = plain_value(value)
    if isinstance(plain, Decimal):  # a decimal column of Parquet
        plain = None if plain.is_nan() else float(plain)
    if plain is None or (isinstance(plain, float) and plain != plain):
        return None
    if isinstance(plain, bool) and flag:
        return float(plain)
    if is_number(plain) and limits[0] <= plain <= limits[1]:
        return float(plain)
    raise schema_error(key, contract, plain, place, _remedy(plain))


def score_of(value: object, key: str, place: Place) -> float | None:
    """An outcome or another score: 1 and 0 for true and false, None where it is unscored.

    >>> score_of(False, "score", "x.jsonl line 1"), score_of(float("nan"), "score", "x")
    (0.0, None)
    """
    return number_of(value, key, place, SCORE)


def _remedy(value: object) -> str:
    """What to do about a value that is no number, '' where only its author knows."""
    if not isinstance(value, (str, float)):
        return ""
    try:
        finite = math.isfinite(float(value))
    except ValueError:
        return "write it without quotes" if value in ("true", "false", "null") else ""
    if not finite:
        return "write null where there is no number"
    return "write the number without quotes" if isinstance(value, str) else ""
