"""The outcome as a turn reward."""

from __future__ import annotations

import torch

from creditlib.contract import checked, looking_is_free, refuse
from creditlib.ops.masks import real_turns
from creditlib.ops.precision import narrow, wide
from creditlib.vocabulary import Reward, TurnCount, TurnReward, Valid, Width

__all__ = ["outcome_at_last_turn"]


@checked
def outcome_at_last_turn(
    *, reward: Reward, turn_count: TurnCount, turns: Width, valid: Valid | None = None
) -> TurnReward:
    """The outcome, earned at the last turn: the `turn_reward` of a task that only judges the end.

        turn_reward[i, turn_count[i] − 1] = reward[i];  0 elsewhere

    Degenerate cases: a trajectory without turns has nowhere to put its reward and gets none.
    A turn count past `turns` is refused (on a GPU: use `check_batch` first).

    Source: convention of GiGPO, arXiv:2505.10978, for sparse outcomes.

    >>> import torch
    >>> outcome_at_last_turn(reward=torch.tensor([1.0]), turn_count=torch.tensor([2]), turns=3)
    tensor([[0., 1., 0.]])
    """
    if looking_is_free(turn_count) and len(turn_count) and int(turn_count.max()) > turns:
        fact = str(int(turn_count.max()))
        raise refuse("outcome_at_last_turn", "turn_count", f"at most {turns}", fact)
    last = real_turns(turn_count, turns, valid) & ~real_turns(turn_count - 1, turns, valid)
    value = wide(reward)[:, None]
    return narrow(torch.where(last, value, torch.zeros_like(value)), reward)
