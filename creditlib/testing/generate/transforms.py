"""Transforms of batches: select rows, change values, insert columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

__all__ = [
    "changed",
    "group_sizes",
    "insert_columns",
    "last_written",
    "perturbed",
    "select",
    "set_outcome",
]

Batch = dict[str, Tensor]
# Rows or turns of equal ids belong together: all become one, or each one its own.
_IDS = ("group", "agent", "node", "tree")


def select(batch: Mapping[str, Tensor], rows: Tensor | Sequence[int]) -> Batch:
    """Some trajectories of a padded batch, in the given order.

    >>> select({"reward": torch.tensor([5.0, 6.0, 7.0])}, [2, 0])
    {'reward': tensor([7., 5.])}
    """
    index = torch.as_tensor(rows)
    return {name: x[index] for name, x in batch.items()}


def changed(x: Tensor, where: Tensor) -> Tensor:
    """Other values where `where` is True: x -> 2x + 1 for floats, x + 1 for integers, else not x.

    >>> changed(torch.tensor([1.0, 1.0]), torch.tensor([True, False]))
    tensor([3., 1.])
    """
    mask = where.view(-1, *[1] * (x.ndim - 1)) if where.ndim < x.ndim else where
    if x.dtype == torch.bool:
        return x ^ mask
    return torch.where(mask, 2 * x + 1 if x.is_floating_point() else x + 1, x)


def perturbed(batch: Mapping[str, Tensor], name: str) -> Batch:
    """The batch with one tensor changed; it is still a valid batch.

    >>> perturbed({"group": torch.tensor([4, 4])}, "group")
    {'group': tensor([0, 1])}
    """
    x = batch[name]
    result = dict(batch)
    if name in _IDS:
        same = bool((x == x[:1]).all())
        index = torch.arange(len(x)).view(-1, *[1] * (x.ndim - 1))
        result[name] = index.expand_as(x).contiguous() if same else torch.zeros_like(x)
    elif name == "join_order":
        # Backwards: the turn that joined last now joins first.
        place = (x >= 0).sum(-1, keepdim=True) - 1 - torch.arange(x.shape[-1])
        result[name] = torch.where(place >= 0, x.gather(-1, place.clamp(min=0)), x)
    elif name in ("turn_count", "turn_length", "length"):
        result[name] = (x - torch.arange(len(x)).view(-1, *[1] * (x.ndim - 1)) % 2).clamp(min=0)
    elif name == "turn":
        result[name] = torch.where(torch.arange(x.shape[-1]) % 2 == 0, x, torch.full_like(x, -1))
    elif x.dtype == torch.bool:
        result[name] = x ^ (torch.arange(len(x)) % 2 == 0).view(-1, *[1] * (x.ndim - 1))
    elif x.is_floating_point():
        step = torch.arange(x.numel()).view(x.shape) % 3
        result[name] = x * (1 - 0.25 * step) - 0.5 * step * (x < 0).any().to(x.dtype)
    else:
        result[name] = torch.where(torch.arange(x.numel()).view(x.shape) % 2 == 0, x, x + 1)
    return result


def last_written(turn: Tensor) -> Tensor:
    """The column of each row's last written token, -1 without one.

    >>> last_written(torch.tensor([[0, -1, 1, -1], [-1, -1, -1, -1]])).tolist()
    [2, -1]
    """
    column = torch.where(turn >= 0, torch.arange(turn.shape[1]), -1)
    return column.amax(1) if turn.shape[1] else column.new_full(turn.shape[:1], -1)


def group_sizes(batch: Mapping[str, Tensor]) -> Tensor:
    """The number of valid trajectories in each row's group.

    >>> group_sizes({"group": torch.tensor([4, 4, 9])}).tolist()
    [2, 2, 1]
    """
    same = batch["group"][:, None] == batch["group"]
    return (same & batch["valid"]).sum(1) if "valid" in batch else same.sum(1)


def set_outcome(batch: Mapping[str, Tensor], outcome: Tensor) -> Batch:
    """The batch in which the rewards of each trajectory are `outcome` at its end and 0 elsewhere.

    >>> set_outcome({"reward": torch.zeros(2)}, torch.tensor([1.0, 2.0]))
    {'reward': tensor([1., 2.])}
    """
    result = dict(batch)
    for name in ("reward", "rewards", "token_reward"):
        if name not in batch:
            continue
        x = outcome.to(batch[name].dtype)
        if name == "token_reward":
            last = last_written(batch["turn"])
            at = torch.arange(batch["turn"].shape[1]) == last[:, None]
            x = torch.where(at, x[:, None], torch.zeros_like(batch[name]))
        elif name == "rewards":
            x = x[:, None].expand_as(batch[name]).contiguous()
        result[name] = x
    return result


def insert_columns(x: Tensor, at: int, columns: Tensor) -> Tensor:
    """Insert columns before column `at`.

    >>> insert_columns(torch.tensor([[1, 2]]), 1, torch.tensor([[9]]))
    tensor([[1, 9, 2]])
    """
    return torch.cat([x[:, :at], columns.to(x.dtype), x[:, at:]], 1)
