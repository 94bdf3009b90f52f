"""The columns of pass one as the tensors that `creditlib.apply` takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.estimators import information_gain
from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.crediting.turn_columns import TURN_TENSORS
from creditlib.shaping import outcome_at_last_turn

__all__ = ["bucket_tensors", "complete_rows", "derived"]

Array = np.ndarray[Any, Any]


def derived(has: frozenset[str]) -> frozenset[str]:
    """The tensors that trajectories fill whose columns are `has`.

    >>> sorted(derived(frozenset({"turn_length", "gold_log_prob"})))
    ['gold_log_prob', 'information_gain', 'length', 'turn_length', 'turn_reward']
    """
    more = {"turn_reward"}
    more |= {"length"} if "turn_length" in has else set()
    more |= {"information_gain"} if "gold_log_prob" in has else set()
    return has | more


def complete_rows(table: Any, has: frozenset[str], objectives: int) -> Array:
    """Which trajectories have every tensor of `has`; the others lack a key that some have."""
    count = table["turn_count"].to_numpy()
    found = np.ones(table.num_rows, dtype=bool)
    for name in has - {"anchor", "action", "answer"}:
        null = np.ones(table.num_rows, dtype=bool)
        if name in table.column_names:
            null = _array(table, name).is_null().to_numpy(zero_copy_only=False)
        if name in TURN_TENSORS:
            found &= ~(null & (count > 0))
        elif name == "rewards":
            found &= ~null | ~table["valid"].to_numpy()
        else:
            found &= ~null
    if "rewards" in has and "rewards" in table.column_names:
        _, compute, _ = arrow_modules()
        sizes = compute.list_value_length(_array(table, "rewards")).fill_null(objectives)
        found &= sizes.to_numpy(zero_copy_only=False) == objectives
    return found


def bucket_tensors(table: Any, has: frozenset[str], objectives: int) -> dict[str, Tensor]:
    """The tensors of the trajectories of a table, equal to those of `from_trajectories`."""
    count = table["turn_count"].to_numpy().astype(np.int64)
    width = int(count.max(initial=0))
    real = np.arange(width) < count[:, None]
    found = {
        "reward": torch.from_numpy(table["reward"].to_numpy().astype(np.float32)),
        "valid": torch.from_numpy(table["valid"].to_numpy().astype(bool)),
        "group": torch.from_numpy(table["group"].to_numpy().copy()),
        "turn_count": torch.from_numpy(count),
    }
    for name in sorted(has):
        if name in TURN_TENSORS:
            found[name] = torch.from_numpy(_padded(table, name, real))
        elif name == "rewards":
            found[name] = torch.from_numpy(_objectives(table, objectives))
        elif name in ("length", "answer"):
            values = _array(table, name).fill_null(-1) if name in table.column_names else None
            filled = np.full(len(count), -1) if values is None else values.to_numpy()
            found[name] = torch.from_numpy(filled.astype(np.int64))
    if "turn_reward" not in found:
        found["turn_reward"] = outcome_at_last_turn(
            reward=found["reward"], turn_count=found["turn_count"], turns=width
        )
    if "length" not in found and "turn_length" in found:
        found["length"] = found["turn_length"].sum(dim=1)
    if "gold_log_prob" in found:
        found["information_gain"] = information_gain(
            gold_log_prob=found["gold_log_prob"], turn_count=found["turn_count"]
        )
    return found


def _array(table: Any, name: str) -> Any:
    """A column as one array."""
    column = table[name]
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _padded(table: Any, name: str, real: Array) -> Array:
    """[batch turn]; 0, or −1 for an id, where a row has no value and behind the last turn."""
    _, compute, _ = arrow_modules()
    fill = -1 if name in ("anchor", "action") else 0
    padded = np.full(real.shape, fill, dtype=TURN_TENSORS[name])
    if name in table.column_names:
        column = _array(table, name)
        there = column.is_valid().to_numpy(zero_copy_only=False)
        padded[real & there[:, None]] = compute.list_flatten(column).to_numpy()
    return padded


def _objectives(table: Any, size: int) -> Array:
    """[batch objective]; 0 for an excluded row without a list."""
    _, compute, _ = arrow_modules()
    column = _array(table, "rewards")
    found = np.zeros((table.num_rows, size), dtype=np.float32)
    there = column.is_valid().to_numpy(zero_copy_only=False)
    found[there] = compute.list_flatten(column).to_numpy().reshape(-1, size)
    return found
