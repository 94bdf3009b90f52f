"""Rewards of tokens: their sum for each row, and where the reward of a row lies."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from creditlib.rows.masks import Planes, as_plane, written_tokens
from creditlib.rows.row_index import RowIndex
from creditlib.rows.row_sums import row_sum

__all__ = ["outcome_of", "rewards_of_tokens", "without_padding"]


def outcome_of(token_reward: Any, mask: Any) -> Tensor:
    """The reward of each row, float64[row]: the sum over all its tokens, written or not.

    Trainers may put a reward on a token that the mask leaves out; it counts too. NaN on a token
    that the policy did not write is padding; NaN on a written token makes the row unscored. Both
    may be tensors, numpy arrays or nested lists.

    >>> outcome_of(torch.tensor([[0.5, 0.25, torch.nan]]), torch.tensor([[1, 0, 0]]))
    tensor([0.7500], dtype=torch.float64)
    """
    written = written_tokens("outcome_of", "mask", as_plane("outcome_of", "mask", mask))
    reward = as_plane("outcome_of", "token_reward", token_reward, like=written)
    total = row_sum(reward)
    return row_sum(_clean(reward, written)) if bool(total.isnan().any()) else total


def without_padding(token_reward: Tensor, trained: Tensor) -> Tensor:
    """Token rewards with 0 instead of NaN on tokens that are not trained: there is none.

    >>> without_padding(torch.tensor([[1.0, torch.nan]]), torch.tensor([[True, False]]))
    tensor([[1., 0.]])
    """
    given = token_reward.detach()
    return _clean(given, trained) if bool(given.sum().isnan()) else given


def _clean(token_reward: Tensor, written: Tensor) -> Tensor:
    return torch.where(token_reward.isnan() & ~written, 0.0, token_reward)


def rewards_of_tokens(
    given: Tensor | None, planes: Planes, outcome: Tensor, index: RowIndex
) -> dict[str, Tensor]:
    """Rewards of tokens; without any, the outcome lies on the last token that the policy wrote.

    A token with a reward is present even if the policy did not write it: no reward is lost.
    """
    written = planes.written
    if given is not None:
        return {"token_reward": given, "present": written | (given != 0)}
    width = written.shape[1]
    position = torch.arange(width, device=written.device)
    last = torch.where(written, position, -1).amax(1, keepdim=True) if width else 0
    ends = (position == last) & written
    if not len(outcome):
        return {"token_reward": ends * 0.0, "present": written}
    own = outcome[index.trajectory.clamp(min=0).to(written.device)].to(torch.float32)
    return {"token_reward": torch.where(ends, own[:, None], 0.0), "present": written}
