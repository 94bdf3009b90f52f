"""The outcome as a turn reward."""

from __future__ import annotations

import torch

from creditlib.algebra import valid_turns, wide
from creditlib.vocabulary import Reward, TurnCount, TurnRewards, Turns, Valid
from creditlib.vocabulary.contract import can_read_values, checked, contract_error

__all__ = ["outcome_at_last_turn"]


@checked
def outcome_at_last_turn(
    *, reward: Reward, turn_count: TurnCount, turns: Turns, valid: Valid | None = None
) -> TurnRewards:
    """The outcome as the reward of the last turn: the `turn_reward` of a task with no other reward.

        turn_reward[i, turn_count[i] − 1] = reward[i];  0 elsewhere

    Degenerate cases: a trajectory without turns has no turn for its reward and gets none.
    A turn count past `turns` is refused (on a GPU: use `check_batch` first).

    Source: the convention of GiGPO, arXiv:2505.10978, for sparse outcomes.

    >>> import torch
    >>> outcome_at_last_turn(reward=torch.tensor([1.0]), turn_count=torch.tensor([2]), turns=3)
    tensor([[0., 1., 0.]])
    """
    counts = turn_count if valid is None or not can_read_values(turn_count) else turn_count[valid]
    if can_read_values(turn_count) and len(counts) and int(counts.max()) > turns:
        fact = str(int(counts.max()))
        raise contract_error("outcome_at_last_turn", "turn_count", f"at most {turns}", fact)
    last = valid_turns(turn_count, turns, valid) & ~valid_turns(turn_count - 1, turns, valid)
    value = wide(reward)[:, None]
    return torch.where(last, value, torch.zeros_like(value))
