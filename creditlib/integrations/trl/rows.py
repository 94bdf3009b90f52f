"""Columns of TRL's rows: what the inputs hold and what environments recorded, on all ranks."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from creditlib.inputs.layouts import count_turns, turns_from_mask
from creditlib.rows.columns import column_names
from creditlib.vocabulary.messages import contract_error

__all__ = ["gather_rows", "read_records", "record_lengths"]

# Columns that environments record with each call; a turn may have several calls or none.
_BY_CALL = ("anchor", "turn_reward")


def read_records(trainer: Any, rows: list[dict[str, Any]], mask: Tensor) -> list[dict[str, Any]]:
    """The needed columns of each row: TRL puts the fields of a rollout into its inputs."""
    names = column_names(trainer._credit_settings)
    environments = getattr(trainer, "environments", None) or [None] * len(rows)
    turns = count_turns(turns_from_mask(mask != 0)).tolist()
    found: list[dict[str, Any]] = []
    for place, (row, environment) in enumerate(zip(rows, environments, strict=True)):
        given = {name: row.get(name) for name in names}
        starts = [each[place] for each in trainer._credit_starts]
        for name in names if environment is not None else ():
            if given[name] is None:
                given[name] = _turn_values(name, _recorded(environment, name), starts, turns[place])
        found.append(
            {k: x.detach().cpu() if isinstance(x, Tensor) else x for k, x in given.items()}
        )
    return found


def record_lengths(environments: Sequence[Any]) -> list[dict[str, int]]:
    """How many values each environment has recorded; it is called at the start of each turn."""
    found: list[dict[str, int]] = []
    for environment in environments:
        recorded = {name: _recorded(environment, name) for name in _BY_CALL}
        found.append({name: len(x) for name, x in recorded.items() if isinstance(x, list)})
    return found


def _recorded(environment: Any, name: str) -> Any:
    """What an environment recorded under a name, in `credit_record` or as an attribute."""
    record = getattr(environment, "credit_record", None)
    value = record.get(name) if isinstance(record, Mapping) else None
    value = getattr(environment, name, None) if value is None else value
    if isinstance(value, (list, tuple)):
        return list(cast("Sequence[Any]", value))
    return None if callable(value) else value


def _turn_values(name: str, recorded: Any, starts: list[dict[str, int]], turns: int) -> Any:
    """One value for each turn, from the values recorded by calls.

    A turn may have any number of calls; the last turn often has none. The anchor of a turn is the
    last one recorded before it started. Its reward is the sum of those recorded after its start.
    """
    known = [each[name] for each in starts if name in each][:turns]
    if name not in _BY_CALL or not isinstance(recorded, list) or not turns or len(known) < turns:
        return recorded
    values = cast("list[Any]", recorded)
    if name == "anchor":
        if 0 in known:
            raise contract_error(
                "environment", name, "recorded by `reset` and after each call", "no value"
            )
        return [values[start - 1] for start in known]
    ends = [*known[1:], len(values)]
    return [float(sum(values[start:end])) for start, end in zip(known, ends, strict=True)]


def gather_rows(
    accelerator: Any, mask: Tensor, records: list[dict[str, Any]]
) -> tuple[Tensor, list[dict[str, Any]]]:
    """Masks and records of all ranks in rank order, like TRL's rewards: groups span ranks."""
    if accelerator.num_processes == 1:
        return mask, records
    gather_object = importlib.import_module("accelerate.utils").gather_object
    padded = accelerator.pad_across_processes(mask.to(torch.int32), dim=1, pad_index=0)
    return accelerator.gather(padded), gather_object(records)
