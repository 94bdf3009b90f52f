"""Credit of trajectories and credit of turns in one sum."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.ops.masks import valid_turns
from creditlib.ops.precision import as_float
from creditlib.vocabulary.contract import can_read_values, checked
from creditlib.vocabulary.messages import contract_error
from creditlib.vocabulary.words import AnyCredit, TurnCount, TurnCredit, Turns

__all__ = ["per_turn"]


@checked
def per_turn(credit: AnyCredit, turn_count: TurnCount, turns: Turns | None = None) -> TurnCredit:
    """Credit at each turn that exists, so that credits of both levels combine with + and *.

        result[i,k] = credit[i]      for credit float[batch]
        result[i,k] = credit[i,k]    for credit float[batch turn]

    Where there are as many turns as rows, `credit[batch] + credit[batch turn]` adds along the wrong
    axis; `per_turn(credit, turn_count) + …` does not. Put around a whole composition, `per_turn`
    refuses such a sum where it can read it: past `turn_count` there may be 0 and NaN only.

    Degenerate cases: turns past `turn_count` get exactly 0. Without `turns`, credit of trajectories
    gets as many columns as the longest one has turns; a GPU waits for it.

    >>> per_turn(torch.tensor([0.5, -1.0]), torch.tensor([2, 1]))
    tensor([[ 0.5000,  0.5000],
            [-1.0000,  0.0000]])
    """
    if credit.ndim == 1:
        largest = -1
        if turns is None or can_read_values(turn_count):
            largest = int(turn_count.max()) if turn_count.numel() else 0
        columns = max(largest, 0) if turns is None else turns
        if largest > columns:
            wanted = f"at most {columns}, the number of `turns`"
            raise contract_error("per_turn", "turn_count", wanted, str(largest))
    else:
        columns = credit.shape[1]
        if turns is not None and turns != columns:
            wanted = f"{columns}, the turns of `credit`, or left out"
            raise contract_error("per_turn", "turns", wanted, str(turns))
    where = valid_turns(turn_count, columns, None)
    if credit.ndim == 2 and can_read_values(credit):
        _refuse_other_axis(credit, where)
    value = as_float(credit[:, None] if credit.ndim == 1 else credit)
    return torch.where(where, value, torch.zeros_like(value))


def _refuse_other_axis(credit: Tensor, where: Tensor) -> None:
    """Refuse credit past the last turn; NaN may lie there."""
    beyond = ~where & (credit != 0) & ~credit.isnan()
    if not bool(beyond.any()):
        return
    row, turn = beyond.nonzero()[0].tolist()
    fact = f"{credit[row, turn].item()} in row {row}, turn {turn}"
    remedy = "credit of trajectories joins that of turns as `per_turn(credit, turn_count)`"
    raise contract_error("per_turn", "credit", "0 past the last turn", fact, remedy)
