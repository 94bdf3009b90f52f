"""Rewards of tokens: their sum for each row, and where the reward of a row lies."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from creditlib.ops.turn_maps import row_sums
from creditlib.rows.masks import Planes, as_plane, check_mask
from creditlib.rows.row_index import RowIndex

__all__ = ["outcome_of", "rewards_of_rows", "rewards_of_tokens", "without_padding"]


def outcome_of(token_reward: Any, mask: Any) -> Tensor:
    """The reward of each row, float64[row]: the sum over all its tokens, written or not.

    Trainers may put a reward on a token that the mask leaves out; it counts too. NaN on a token
    that the policy did not write is padding; NaN on a written token makes the row unscored.

    Args:
        token_reward: [row token]; the reward of each token: a tensor, a numpy array or nested
            lists.
        mask: [row token]; the tokens that the policy wrote, in the same forms.

    >>> outcome_of(torch.tensor([[0.5, 0.25, torch.nan]]), torch.tensor([[1, 0, 0]]))
    tensor([0.7500], dtype=torch.float64)
    """
    plane = as_plane("outcome_of", "mask", mask)
    check_mask("outcome_of", "mask", plane)
    return rewards_of_rows(token_reward, plane)


def rewards_of_rows(token_reward: Any, mask: Tensor) -> Tensor:
    """`outcome_of` with a mask that `read_rows` checks: its values are read where rewards are NaN.

    >>> rewards_of_rows(torch.tensor([[0.5, 0.25, 1.0]]), torch.tensor([[1, 0, 0]]))
    tensor([1.7500], dtype=torch.float64)
    """
    reward = as_plane("outcome_of", "token_reward", token_reward, like=mask).detach()
    total = row_sums(reward)
    unknown = total.isnan()
    if bool(unknown.any()):
        where = mask[unknown]
        check_mask("outcome_of", "mask", where)
        total[unknown] = row_sums(_clean(reward[unknown], where != 0))
    return total


def without_padding(token_reward: Tensor, turn: Tensor) -> Tensor:
    """Token rewards with 0 instead of NaN where no trained turn is: there is none.

    >>> without_padding(torch.tensor([[1.0, torch.nan]]), torch.tensor([[0, -1]]))
    tensor([[1., 0.]])
    """
    given = token_reward.detach()
    return _clean(given, turn >= 0) if bool(given.sum().isnan()) else given


def _clean(token_reward: Tensor, written: Tensor) -> Tensor:
    return torch.where(token_reward.isnan() & ~written, 0.0, token_reward)


def rewards_of_tokens(
    given: Tensor | None, planes: Planes, outcome: Tensor, index: RowIndex
) -> dict[str, Tensor]:
    """Rewards of tokens; without any, the outcome lies on the last token that the policy wrote.

    A token with a reward is present even if the policy did not write it: no reward is lost.
    """
    turn, last = planes.written.turn, planes.written.last
    present = turn >= 0
    if given is not None:
        return {"token_reward": given, "present": present | (given != 0)}
    found = torch.zeros(turn.shape, device=turn.device)
    ends = index.trajectory.to(turn.device) >= 0
    ends &= last >= 0
    own = outcome[index.trajectory.to(turn.device)[ends]].to(torch.float32)
    found[ends, last[ends]] = own
    return {"token_reward": found, "present": present}
