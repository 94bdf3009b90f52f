"""Columns: values of each row beside reward and mask, under their names in the vocabulary.

A trainer's rows hold them as lists, arrays or tensors. This module says which columns an estimator
needs, and collects them from mappings or from a trainer's batch. A name that no column has is
refused where the mapping is ours; in a trainer's mapping, a near miss of a needed column is.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torch import Tensor

from creditlib.ops.turn_maps import rewards_of_turns
from creditlib.registry import public_functions
from creditlib.rows.column_values import turns_of_row
from creditlib.rows.masks import as_plane, runs_of
from creditlib.rows.names import PREFIX
from creditlib.rows.settings import CreditSettings
from creditlib.vocabulary.annotations import Shape, tensors_of
from creditlib.vocabulary.messages import (
    ContractError,
    contract_error,
    nearest_name,
)

__all__ = [
    "check_column_names",
    "column_names",
    "column_shapes",
    "columns_from",
    "columns_of",
    "is_turn_column",
    "named_columns",
    "turn_rewards",
]

_GOLD = "gold_log_prob"
# Tensors that `read_rows` computes itself: they are never columns.
_COMPUTED = ("reward", "group", "turn_count", "length", "turn_length", "valid")
_ARGUMENTS = ("reward", "group", "token_reward", "value", "turn", "mask", "keep")
# Names that people use for a column.
_SYNONYMS = {
    "actions": "action",
    "answers": "answer",
    "command": "action",
    "commands": "action",
    "duration_seconds": "duration",
    "final_answer": "answer",
    "observation": "anchor",
    "observations": "anchor",
    "seconds": "duration",
    "state": "anchor",
    "states": "anchor",
    "step_reward": "turn_reward",
    "step_rewards": "turn_reward",
}


def column_shapes(settings: CreditSettings | None = None) -> dict[str, Shape]:
    """Names and shapes of all columns: those of this package, and those that the settings add.

    >>> str(column_shapes()["anchor"]), str(column_shapes()["baseline"])
    ('int[batch turn]', 'float[batch]')
    """
    functions = () if settings is None else (settings.estimator, settings.weight)
    found: dict[str, Shape] = {}
    for function in functions:
        if inspect.isfunction(function):  # a plain function stays: it is read once
            found |= _known_columns(function)
        elif function is not None:
            found |= _columns_of(function)
    return {**found, **_own_columns()}


def is_turn_column(shape: Shape) -> bool:
    """Whether a column has one value for each turn."""
    return shape.axes[1:] == (("turn", 0),)


def column_names(settings: CreditSettings) -> list[str]:
    """The columns that a trainer has to provide for these settings, sorted.

    `gold_log_prob` may stand for `information_gain`, which is computed from it.

    >>> from creditlib.rows import credit_settings
    >>> column_names(credit_settings(estimator="gigpo"))
    ['anchor', 'invalid_action', 'turn_reward']
    >>> column_names(credit_settings(estimator="grpo"))
    []
    """
    wanted = settings.needs & set(column_shapes(settings))
    return sorted(wanted | ({_GOLD} if "information_gain" in wanted else set()))


def check_column_names(
    function: str, names: Iterable[str], settings: CreditSettings | None = None
) -> None:
    """Refuse a name that no column has, with the nearest one that there is.

    >>> check_column_names("f", ["seconds"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    creditlib.ContractError: f: `columns` must be named after columns, got 'seconds' (did ...
    """
    known = column_shapes(settings)
    for name in names:
        if name not in known:
            raise _unknown_column(function, name, known, settings)


def _unknown_column(
    function: str, name: str, known: Mapping[str, Shape], settings: CreditSettings | None
) -> ContractError:
    if settings is not None and name in settings.needs and name not in (*_ARGUMENTS, *_COMPUTED):
        fact = f"{name!r}, which {settings.name} names without its shape"
        remedy = 'annotate it there, such as `Float[Tensor, "batch turn"]`'
        return contract_error(function, "columns", "annotated in the estimator", fact, remedy)
    if name in _ARGUMENTS:
        fact, remedy = repr(name), f"pass it as `{name}=`"
    elif name in _COMPUTED:
        fact, remedy = repr(name), "read_rows computes it from the mask"
    else:
        near = nearest_name(name.lower(), [*_SYNONYMS, *known])
        hint = f" (did you mean {_SYNONYMS.get(near, near)!r}?)" if near else ""
        fact, remedy = f"{name!r}{hint}", ""
    return contract_error(function, "columns", "named after columns", fact, remedy)


def columns_from(holders: Sequence[Any], settings: CreditSettings) -> dict[str, list[Any]]:
    """The needed columns out of one mapping for each row; None where a mapping has no value.

    A column that no row has is left out. A key that is nearly the name of a needed column that its
    mapping lacks is refused.

    >>> from creditlib.rows import credit_settings
    >>> columns_from([{"anchor": ["hall"]}, None], credit_settings(estimator="gigpo"))
    {'anchor': [['hall'], None]}
    """
    mappings: list[Mapping[Any, Any]] = [
        each if isinstance(each, Mapping) else {} for each in holders
    ]
    names = column_names(settings)
    for keys in {tuple(each) for each in mappings} if names else ():
        _refuse_near_misses(keys, settings)
    return {
        name: [each.get(name) for each in mappings]
        for name in names
        if any(each.get(name) is not None for each in mappings)
    }


def columns_of(
    batch: Any, settings: CreditSettings, named: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The needed columns of a trainer's batch, a mapping of names to lists, arrays or tensors.

    named: the trainer's own names of columns. A near miss is refused as in `columns_from`.

    >>> from creditlib.rows import credit_settings
    >>> batch = {"state_hash": [["h"]], "other": [1]}
    >>> columns_of(batch, credit_settings(estimator="gigpo"), {"anchor": "state_hash"})
    {'anchor': [['h']]}
    """
    own, found = named or {}, dict[str, Any]()
    for name in column_names(settings):
        keys = [key for key in (name, own.get(name)) if key is not None and key in batch.keys()]  # noqa: SIM118
        values = next((batch[key] for key in keys if batch[key] is not None), None)
        if values is not None:
            found[name] = values
    _refuse_near_misses((*batch.keys(), *found), settings)
    return found


def _refuse_near_misses(keys: Iterable[Any], settings: CreditSettings) -> None:
    """Refuse a key that is a needed column's name but for case, separators or a plural s.

    A key that is a word of the vocabulary, or a column that is there under its own name, is fine.
    """
    given = {key for key in keys if isinstance(key, str)}
    wanted = {_plain(name): name for name in column_names(settings) if name not in given}
    for key in given:
        name = wanted.get(_plain(key))
        if name is not None and key not in (*_COMPUTED, *_ARGUMENTS, *column_shapes(settings)):
            raise contract_error(
                settings.name, name, "given under its own name", repr(key), f"name it {name!r}"
            )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower()).removesuffix("s")


def named_columns(
    values: Mapping[str, Any], mask: Tensor, settings: CreditSettings | None = None
) -> dict[str, list[Any]]:
    """The columns that a trainer's batch holds as `creditlib_<name>`, one entry for each row.

    A tensor [row, n] is padded on the right with 0 (an anchor or an action with -1): a column of
    turns is cut to the number of runs of the row's mask. A list is used as it is. Names that no
    column has are refused.

    >>> import torch
    >>> seconds = torch.tensor([[1.0, 2.0], [3.0, 0.0]])
    >>> mask = torch.tensor([[1, 0, 1], [1, 1, 0]])
    >>> named_columns({"creditlib_duration": seconds, "reward": seconds}, mask)
    {'duration': [[1.0, 2.0], [3.0]]}
    """
    runs = runs_of("named_columns", "mask", as_plane("named_columns", "mask", mask))
    counts = runs.turns.clamp(min=1).tolist() if mask.numel() else []
    known, found = column_shapes(settings), dict[str, list[Any]]()
    ours = {key: key.removeprefix(PREFIX) for key in values if key.startswith(PREFIX)}
    check_column_names("named_columns", ours.values(), settings)
    for key, name in ours.items():
        value = values[key]
        if isinstance(value, Tensor) and is_turn_column(known[name]):
            rows = value.reshape(len(value), -1).tolist()
            each = zip(rows, counts, strict=True)
            found[name] = [
                turns_of_row("named_columns", name, x, n, row) for row, (x, n) in enumerate(each)
            ]
        else:
            found[name] = value.tolist() if isinstance(value, Tensor) else list(value)
    return found


def turn_rewards(token_reward: Tensor, mask: Tensor) -> list[list[float]]:
    """The rewards of the turns of each row, for the column `turn_reward`; see `read_rows`.

    A reward on a token that the policy did not write counts for the turn before it, and before the
    first turn for the first. A row without a written token is one turn. NaN on a token that the
    policy did not write means that there is no reward.

    >>> import torch
    >>> mask = torch.tensor([[0, 1, 0, 1, 0], [0, 0, 0, 0, 0]])
    >>> reward = torch.tensor([[0.5, 0.0, 0.25, 0.0, 1.0], [0.0, 2.0, 0.0, 0.0, 0.0]])
    >>> turn_rewards(reward, mask)
    [[0.75, 1.0], [2.0]]
    """
    runs = runs_of("turn_rewards", "mask", as_plane("turn_rewards", "mask", mask))
    token_reward = as_plane("turn_rewards", "token_reward", token_reward, like=runs.turn)
    if not runs.turn.numel():
        return [[0.0] for _ in range(len(runs.turn))]
    count = runs.turns.clamp(min=1)
    table: list[list[float]] = rewards_of_turns(token_reward, runs.turn, int(count.max())).tolist()
    return [row[:turns] for row, turns in zip(table, count.tolist(), strict=True)]


@functools.cache
def _own_columns() -> dict[str, Shape]:
    found: dict[str, Shape] = {}
    for function in public_functions().values():
        found = {**_columns_of(function), **found}
    return found


@functools.lru_cache(maxsize=1024)
def _known_columns(function: Any) -> dict[str, Shape]:
    return _columns_of(function)


def _columns_of(function: Any) -> dict[str, Shape]:
    """The tensors of trajectories and turns that a function takes."""
    every = {name: tensor.shapes[0] for name, tensor in tensors_of(function).items()}
    return {
        name: shape
        for name, shape in every.items()
        if name not in _COMPUTED and [axis for axis, _ in shape.axes][:1] == ["batch"]
        if all(axis != "token" for axis, _ in shape.axes)
    }
