"""Which groups and states tell anything: those with two different rewards."""

from __future__ import annotations

from torch import Tensor

from creditlib.ops import groups
from creditlib.ops.groups.reference import group_max
from creditlib.ops.masks import flat, valid_rows, valid_turns
from creditlib.ops.precision import wide
from creditlib.vocabulary.contract import checked, contract_error
from creditlib.vocabulary.messages import describe_value
from creditlib.vocabulary.words import (
    Anchor,
    Group,
    Mask,
    NonNegative,
    Reward,
    TurnCount,
    TurnReward,
    Valid,
)

__all__ = ["contrast"]


@checked
def contrast(
    *,
    group: Group,
    reward: Reward | None = None,
    turn_reward: TurnReward | None = None,
    turn_count: TurnCount | None = None,
    anchor: Anchor | None = None,
    valid: Valid | None = None,
    tolerance: NonNegative = 0.0,
) -> Mask:
    """Rows, or turns, whose peers have two different rewards; the others give no gradient.

        result[i]   = max − min of reward over group(i) > tolerance
        result[i,k] = max − min of turn_reward over the peers of turn k of row i > tolerance

    Peers of a turn are the turns of its group, with `anchor` those that start from the same state.
    This is the mask of the filters for groups without variance, and of dynamic sampling. A turn
    with an advantage of 0 still counts in a loss that divides by all tokens; a masked one does not.

    Options:
        tolerance: difference of rewards that still counts as equal, in the unit of the reward.

    Degenerate cases: a group of one, an excluded row, a turn past `turn_count` and a turn with a
    negative anchor are False.

    Errors: neither or both of `reward` and `turn_reward` are given; `turn_reward` comes without
    `turn_count`, or `anchor` without `turn_reward`.

    Source: dynamic sampling of Yu et al. 2025, arXiv:2503.14476 (groups); states without a
    difference: arXiv:2605.10325.

    >>> import torch
    >>> contrast(reward=torch.tensor([1.0, 0.0, 1.0, 1.0]), group=torch.tensor([0, 0, 1, 1]))
    tensor([ True,  True, False, False])
    """
    if (reward is None) == (turn_reward is None):
        fact = "both" if reward is not None else "neither"
        raise contract_error("contrast", "reward", "given, or `turn_reward`, and not both", fact)
    if reward is not None:
        if anchor is not None:
            wanted = "given with `turn_reward` only"
            raise contract_error("contrast", "anchor", wanted, describe_value(anchor))
        return _differs(wide(reward), (group,), valid_rows(valid, reward), tolerance)
    if turn_reward is None or turn_count is None:
        raise contract_error("contrast", "turn_count", "given with `turn_reward`", "None")
    where = valid_turns(turn_count, turn_reward.shape[1], valid)
    if anchor is None:
        return _differs(wide(turn_reward), (group,), where, tolerance)
    return _differs(wide(turn_reward), (group, anchor), where & (anchor >= 0), tolerance)


def _differs(x: Tensor, keys: tuple[Tensor, ...], where: Tensor, tolerance: float) -> Tensor:
    by = [key.reshape(-1) if key.shape == x.shape else flat(key, x) for key in keys]
    index, take, value = groups.dense(*by), where.reshape(-1), x.reshape(-1)
    spread = group_max(value, index, take) + group_max(-value, index, take)
    return (take & (spread > tolerance)).view(x.shape)
