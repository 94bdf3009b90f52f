"""Inputs as trainers have them: holes of tool output, padding, shuffled groups, text labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["GROUP", "steps", "to_device", "tokens", "turns"]

GROUP = 8  # rollouts of one prompt
STATES = 30  # distinct observations in a group
OBSERVATION = 600  # characters


def tokens(
    rows: int,
    width: int,
    turn_count: int,
    *,
    holes: bool = True,
    full: bool = False,
    dtype: torch.dtype = torch.int8,
    seed: int = 0,
) -> dict[str, Any]:
    """Token tensors [rows width] and what lies above them.

    `holes`: after each turn tool output of the same length, and padding behind a row of 60 to
    100 percent of the width: 40 percent of the tokens are the policy's. Without `holes` turns
    adjoin; `full` also leaves no padding.
    """
    random = torch.Generator().manual_seed(seed)
    length = torch.full((rows,), width)
    if not full:
        length = (width * (0.6 + 0.4 * torch.rand(rows, generator=random))).long()
    position = torch.arange(width).expand(rows, width)
    segment = (length // turn_count).clamp(min=2)[:, None]
    turn = (position // segment).clamp(max=turn_count - 1)
    written = position < length[:, None]
    if holes:
        written = written & (position - turn * segment < (segment + 1) // 2)
    turn = torch.where(written, turn, -1).to(dtype)
    batch = turns(rows, turn_count, seed=seed + 1)
    reward = torch.where(written, 0.01 * torch.randn(rows, width, generator=random), 0.0)
    last = torch.where(written, position, -1).amax(1)
    reward[torch.arange(rows), last] += batch["reward"]
    outcome = torch.zeros(rows, width)
    outcome[torch.arange(rows), last] = batch["reward"]
    return batch | {
        "turn": turn,
        "mask": written.long(),
        "token_reward": reward,
        "outcome_token_reward": outcome,
        "value": torch.randn(rows, width, generator=random),
        "weight": torch.rand(rows, width, generator=random),
        "length": written.sum(1),
        "extent": length,
        "turn_length": _turn_length(turn, turn_count),
        "last": last,
        "full": full and not holes,
        "contiguous": not holes,
    }


def _turn_length(turn: Tensor, turn_count: int) -> Tensor:
    index = turn.long() + 1
    count = torch.zeros(len(turn), turn_count + 1, dtype=torch.int64)
    return count.scatter_add_(1, index, torch.ones_like(index))[:, 1:].contiguous()


def turns(rows: int, turn_count: int, *, group: int = GROUP, seed: int = 0) -> dict[str, Any]:
    """Turn tensors [rows turns] and trajectory tensors [rows], groups shuffled."""
    random = torch.Generator().manual_seed(seed)
    shape = (rows, turn_count)
    member = (torch.arange(rows) // group)[torch.randperm(rows, generator=random)]
    reward = torch.rand(rows, generator=random).round(decimals=2)
    earned = torch.zeros(shape)
    earned[:, -1] = reward
    state = torch.randint(0, STATES, shape, generator=random)
    return {
        "reward": reward,
        "group": member,
        "uid": np.array([f"prompt-{int(i):08d}" for i in member], dtype=object),
        "turn_reward": earned,
        "turn_count": torch.full((rows,), turn_count),
        "anchor": member[:, None] * STATES + state,
        "state": state,
        "process_reward": torch.rand(shape, generator=random) * 1.6 - 0.8,
        "information_gain": torch.randn(shape, generator=random),
        "duration": torch.rand(shape, generator=random) + 0.1,
    }


def steps(trajectories: int, turn_count: int, width: int, *, seed: int = 0) -> dict[str, Any]:
    """One row per step, as verl-agent has it: the tokens of a turn, and what was observed."""
    batch = turns(trajectories, turn_count, seed=seed)
    random = torch.Generator().manual_seed(seed + 1)
    rows = trajectories * turn_count
    length = (width * (0.2 + 0.4 * torch.rand(rows, generator=random))).long()
    written = torch.arange(width) < length[:, None]
    trajectory = torch.arange(trajectories).repeat_interleave(turn_count)
    reward = torch.zeros(rows, width)
    reward[torch.arange(rows), length - 1] = batch["reward"][trajectory]
    texts = [
        [_observation(int(prompt), int(state)) for state in row]
        for prompt, row in zip(batch["group"], batch["state"], strict=True)
    ]
    return batch | {
        "turn": torch.where(written, 0, -1).to(torch.int8),
        "mask": written.long(),
        "outcome_token_reward": reward,
        "texts": texts,
        "observation": np.array([text for row in texts for text in row], dtype=object),
        "row_uid": np.repeat(batch["uid"], turn_count),
        "trajectory_uid": np.repeat(
            np.array([f"trajectory-{i:08d}" for i in range(trajectories)], dtype=object), turn_count
        ),
    }


def _observation(prompt: int, state: int) -> str:
    """A text of its own for each call, as an environment returns one: equal, never the same."""
    head = f"prompt {prompt}, room {state}. "
    return (head * (OBSERVATION // len(head) + 1))[:OBSERVATION]


def to_device(batch: dict[str, Any], device: str) -> dict[str, Any]:
    """The same batch with its tensors on a device."""
    if device == "cpu":
        return batch
    return {
        name: value.to(device) if isinstance(value, Tensor) else value
        for name, value in batch.items()
    }
