"""Credit of trajectories in a TensorDict of [trajectory time], the layout of TorchRL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.inputs.layouts import turns_from_mask
from creditlib.rows.columns import column_shapes, is_turn_column, turn_rewards
from creditlib.rows.credit import credit_rows
from creditlib.rows.padding import Segments
from creditlib.rows.read import Rows, outcome_of, read_rows
from creditlib.rows.settings import CreditSettings
from creditlib.vocabulary.messages import contract_error, describe_value

__all__ = ["Keys", "credit_tensordict"]

Key = str | tuple[str, ...]


@dataclass(frozen=True)
class Keys:
    """The keys of the data; a key that is None is not read.

    Data may lack a key. Only the reward is required, and the group if the estimator needs it.
    """

    group: Key | None = "group"
    mask: Key | None = "mask"
    reward: Key = ("next", "reward")
    done: Key | None = ("next", "done")
    terminated: Key | None = ("next", "terminated")
    value: Key | None = "state_value"
    next_value: Key | None = ("next", "state_value")
    advantage: Key = "advantage"
    value_target: Key = "value_target"


def credit_tensordict(
    data: Any,
    *,
    settings: CreditSettings,
    keys: Keys | None = None,
    time: str = "token",
    columns: tuple[str, ...] = (),
) -> dict[str, float]:
    """Write advantage and value target into data of [trajectory time]; metrics are returned.

    time: what a time step is. "token": runs of the mask are turns. "turn": each step in the mask
    is a turn, and its reward is that of the turn. The step after `done` begins a new trajectory.
    columns: names of columns in the data, with one value for each step or for each row. The value
    of a turn is read at its first step, the value of a trajectory at its first step.
    """
    if time not in ("token", "turn"):
        raise contract_error("CreditTransform", "time", "'token' or 'turn'", repr(time))
    keys = keys or Keys()
    read = _Read.of(data, keys, settings, columns)
    rows = (_token_rows if time == "token" else _turn_rows)(read, settings)
    credit = credit_rows(rows, settings)
    for key, x in ((keys.advantage, credit.advantage), (keys.value_target, credit.returns)):
        given = data.get(keys.reward)
        dtype = given.dtype if given.is_floating_point() else x.dtype
        back = read.pieces.back(x.view(read.pieces.valid.shape))
        data.set(key, back.view(given.shape).to(dtype))
    return credit.metrics


@dataclass(frozen=True)
class _Read:
    """What the data holds: `tensors` are [row time], lists have one entry for each row."""

    tensors: Mapping[str, Tensor]
    mask: Tensor
    pieces: Segments
    group: list[Any]
    columns: Mapping[str, list[Any]]

    @classmethod
    def of(cls, data: Any, keys: Keys, settings: CreditSettings, columns: tuple[str, ...]) -> _Read:
        tensors: dict[str, Tensor] = {}
        for name in (field.name for field in fields(keys)):
            key = getattr(keys, name)
            x = None if key is None else data.get(key, None)
            if (
                key is not None
                and isinstance(x, Tensor)
                and name not in ("advantage", "value_target", "group")
            ):
                tensors[name] = _row_time(key, x)
        if "reward" not in tensors:
            raise contract_error(
                "CreditTransform", _name(keys.reward), "float[row time]", "nothing"
            )
        reward = tensors["reward"]
        mask = tensors["mask"] != 0 if "mask" in tensors else torch.ones_like(reward).bool()
        pieces = Segments.of(_begins(tensors.get("done"), mask))
        group = None if keys.group is None else data.get(keys.group, None)
        if group is None and "group" in settings.needs:
            raise contract_error(
                "CreditTransform", _name(keys.group), "ids of the prompts", "nothing"
            )
        rows = range(len(reward))
        own = list(rows) if group is None else _listed(_name(keys.group), group, len(reward))
        named = {name: _listed(name, data.get(name), len(reward)) for name in columns}
        return cls(tensors, mask, pieces, own, named)

    @property
    def starts(self) -> list[tuple[int, int]]:
        """Row and first step of each piece."""
        pieces = self.pieces
        return list(zip(pieces.row.tolist(), pieces.start.tolist(), strict=True))

    def column(self, name: str, row: int, step: int) -> Any:
        """The value of a column at a step; a list is one observation."""
        value = _at(self.columns[name], row, step)
        return np.asarray(value) if isinstance(value, list) else value


def _token_rows(read: _Read, settings: CreditSettings) -> Rows:
    """Each piece is a row of tokens."""
    pieces, tensors = read.pieces, read.tensors
    reward, mask = pieces.take(tensors["reward"]), pieces.take(read.mask)
    firsts, known = _first_steps(turns_from_mask(mask)), column_shapes(settings)
    columns: dict[str, list[Any]] = {}
    for name in read.columns:
        of_turns = name in known and is_turn_column(known[name])
        columns[name] = [
            [read.column(name, row, start + t) for t in own]
            if of_turns
            else read.column(name, row, start)
            for (row, start), own in zip(read.starts, firsts, strict=True)
        ]
    if "turn_reward" in settings.needs and "turn_reward" not in columns:
        columns["turn_reward"] = turn_rewards(reward, mask)
    if "bootstrap" in settings.needs:
        columns["bootstrap"] = _bootstrap(read, mask, settings)
    return read_rows(
        mask=mask,
        group=[_at(read.group, row, start) for row, start in read.starts],
        reward=outcome_of(reward, mask),
        token_reward=reward if settings.credits_tokens else None,
        value=pieces.take(tensors["value"]) if "value" in tensors else None,
        columns=columns,
        settings=settings,
    )


def _turn_rows(read: _Read, settings: CreditSettings) -> Rows:
    """Each step is a row of a single token, and thus a turn of its piece."""
    reward, mask = read.pieces.take(read.tensors["reward"]), read.pieces.take(read.mask)
    count, width = mask.shape
    # Steps after the end of a piece take no part, so any step of the row may stand for them.
    steps = [
        (row, min(start + t, read.pieces.time - 1))
        for row, start in read.starts
        for t in range(width)
    ]
    columns = {name: [[read.column(name, *step)] for step in steps] for name in read.columns}
    return read_rows(
        mask=mask.reshape(-1, 1),
        group=[_at(read.group, row, start) for row, start in read.starts for _ in range(width)],
        reward=outcome_of(reward, mask).repeat_interleave(width),
        trajectory=[piece for piece in range(count) for _ in range(width)],
        step=list(range(width)) * count,
        keep=_not_after(mask).flatten(),
        outcome="same",  # each row holds the sum of its piece
        columns={**columns, "turn_reward": torch.where(mask, reward, 0.0).flatten().tolist()},
        settings=settings,
    )


def _first_steps(run: Tensor) -> list[list[int]]:
    """The first step of each turn of each row."""
    starts = torch.diff(run, dim=1, prepend=torch.full_like(run[:, :1], -1)) != 0
    return [row.nonzero()[:, 0].tolist() for row in starts & (run >= 0)]


def _not_after(mask: Tensor) -> Tensor:
    """bool[row time]: up to the last written step."""
    return mask.flip(1).cummax(1).values.flip(1) if mask.shape[1] else mask


def _begins(done: Tensor | None, mask: Tensor) -> Tensor:
    """bool[row time]: the steps after done, up to the last written step; the rest is padding."""
    begins = torch.zeros_like(mask)
    if done is not None:
        begins[:, 1:] = (done[:, :-1] != 0) & _not_after(mask)[:, 1:]
    return begins


def _bootstrap(read: _Read, mask: Tensor, settings: CreditSettings) -> list[float]:
    """The critic's value after the last written step of each piece that was cut, not terminated."""
    pieces, tensors = read.pieces, read.tensors
    position = torch.arange(mask.shape[1], device=mask.device)
    last = pieces.start + torch.where(mask, position, -1).amax(1).clamp(min=0)
    ended = tensors.get("terminated", tensors.get("done"))
    if ended is None:
        return [0.0] * len(last)
    going = (ended[pieces.row, last] == 0) & mask.any(1)
    after = tensors.get("next_value")
    if after is None and bool(going.any()):
        fact = f"nothing, and row {int(pieces.row[going][0])} is cut"
        raise contract_error(settings.name, "next_value", "the critic's value after a cut", fact)
    if after is None:
        return [0.0] * len(last)
    return torch.where(going, after[pieces.row, last].to(torch.float32), 0.0).tolist()


def _listed(name: str, values: Any, rows: int) -> list[Any]:
    """A list with an entry for each row: a single value, or a list with one for each step."""
    if isinstance(values, Tensor) and values.ndim == 3 and values.shape[-1] == 1:
        values = values[..., 0]
    listed = values.tolist() if hasattr(values, "tolist") else values
    if not isinstance(listed, list) or len(listed) != rows:
        raise contract_error(
            "CreditTransform", name, f"values for {rows} rows", describe_value(values)
        )
    return listed


def _at(listed: list[Any], row: int, step: int) -> Any:
    return listed[row][step] if isinstance(listed[row], list) else listed[row]


def _name(key: Key | None) -> str:
    return ".".join(key) if isinstance(key, tuple) else str(key)


def _row_time(key: Key, x: Tensor) -> Tensor:
    """A tensor as [row time], without the last axis of size one that TorchRL's steps have."""
    found = x[..., 0] if x.ndim == 3 and x.shape[-1] == 1 else x
    if found.ndim != 2:
        raise contract_error(
            "CreditTransform", _name(key), "[trajectory time] or [..., 1]", describe_value(x)
        )
    return found
