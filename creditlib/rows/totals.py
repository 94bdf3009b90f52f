"""Sums over the rows of each trajectory: penalties and lengths. Copies count once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from creditlib.ops.precision import wide
from creditlib.rows.row_index import RowIndex
from creditlib.vocabulary.messages import contract_error, describe_value

__all__ = ["lengths_of_turns", "shaping_of_rows", "sum_over_rows"]


def sum_over_rows(x: Tensor, index: RowIndex) -> Tensor:
    """[batch]: the sum of a value of each row over the rows of a trajectory that are no copies.

    >>> from creditlib.rows.row_index import index_rows
    >>> flags = [True, True]
    >>> index = index_rows(runs=[1, 1], written=flags, scored=[True, False], keep=flags)
    >>> sum_over_rows(torch.tensor([2.0, 9.0]), index)
    tensor([2.])
    """
    if index.every_row_is_one:
        return x
    own = index.original.to(x.device)
    total = x.new_zeros(len(index.first))
    return total.index_add(0, index.trajectory.to(x.device)[own], x[own])


def shaping_of_rows(given: Any, index: RowIndex, ignored_by: str | None) -> Tensor:
    """float64[row], checked: one NaN would make the credit of the whole group NaN.

    ignored_by: the name of an estimator that does not read the outcome, so the penalty is lost.
    """
    given = given if isinstance(given, Tensor) else torch.as_tensor(given, dtype=torch.float64)
    if given.shape != index.trajectory.shape:
        wanted = f"float[row] of {len(index.trajectory)} rows"
        raise contract_error("read_rows", "shaping", wanted, describe_value(given))
    found = wide(given.detach())
    wanted = "0: this estimator does not read `reward`, so the penalty would be lost"
    wanted = wanted if ignored_by else "finite"
    wrong = (found != 0 if ignored_by else ~found.isfinite()) & index.original.to(found.device)
    if bool(wrong.any()):
        row = int(wrong.nonzero()[0])
        raise contract_error(
            ignored_by or "read_rows", "shaping", wanted, f"{found[row]:g} in row {row}"
        )
    return found


def lengths_of_turns(tokens: Tensor, index: RowIndex) -> dict[str, Tensor]:
    """Trained tokens of each turn and of each trajectory, from `tokens` int64[row turn] by row.

    >>> from creditlib.rows.row_index import index_trajectories, trajectories_of_rows
    >>> found = trajectories_of_rows(["a", "a"], None, [True] * 2)
    >>> index = index_trajectories(found, runs=[2, 1])
    >>> lengths_of_turns(torch.tensor([[5, 6], [7, 0]]), index)["turn_length"]
    tensor([[5, 6, 7]])
    """
    more = index.turns - tokens.shape[1]
    if index.every_row_is_one:
        length = torch.nn.functional.pad(tokens, (0, more)) if more > 0 else tokens
        return {"turn_length": length, "length": length.sum(1)}
    at = index.original.nonzero()[:, 0]
    turn = torch.arange(tokens.shape[1], device="cpu")
    there = turn < index.size[at, None]
    row = index.trajectory[at, None].expand(there.shape)[there].to(tokens.device)
    column = (index.base[at, None] + turn)[there].to(tokens.device)
    length = tokens.new_zeros((len(index.first), index.turns))
    length[row, column] = tokens[at.to(tokens.device)][there.to(tokens.device)]
    return {"turn_length": length, "length": length.sum(1)}
