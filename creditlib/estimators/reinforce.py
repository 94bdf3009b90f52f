"""Discounted returns over tokens: plain, REINFORCE++ and its group-baseline form."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.contract import checked
from creditlib.ops import groups, returns
from creditlib.ops.dispatch import pick
from creditlib.ops.masks import taken
from creditlib.ops.precision import as_float, narrow, wide
from creditlib.ops.spread import check_layout
from creditlib.ops.whitening import standardize
from creditlib.tokens import check_out, pair
from creditlib.vocabulary import (
    Advantage,
    Backend,
    Credit,
    Eps,
    Gamma,
    Group,
    Length,
    Lone,
    Offsets,
    Out,
    OutPair,
    Present,
    Reward,
    TokenReward,
    Turn,
    Valid,
)

__all__ = ["discounted_return", "reinforce_plus_plus", "reinforce_plus_plus_baseline"]


@checked
def discounted_return(
    *,
    token_reward: TokenReward,
    turn: Turn,
    gamma: Gamma,
    present: Present | None = None,
    offsets: Offsets | None = None,
    out: Out | None = None,
    backend: Backend = "auto",
) -> Advantage:
    """The rewards still to come, discounted per token the policy wrote.

        G[t] = r[t] + gamma · G[n];  n is the next token the policy wrote

    Prompt, tool output and padding are skipped and never discounted; a reward put there counts as
    in `gae`.

    Degenerate cases: a row without written tokens is all 0. Exactly 0 where turn is -1.

    Source: Williams 1992; with gaps carried as in verl's REINFORCE++.

    >>> import torch
    >>> reward, turn = torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([[0, -1, 1]])
    >>> discounted_return(token_reward=reward, turn=turn, gamma=0.5)
    tensor([[0.5000, 0.0000, 1.0000]])
    """
    check_layout("discounted_return", turn, offsets)
    check_out("discounted_return", turn, as_float(token_reward[:0]).dtype, out)
    run = pick("discounted_return", backend, returns.token_returns, token_reward)
    return run(token_reward, turn, gamma=gamma, present=present, offsets=offsets, out=out)


@checked
def reinforce_plus_plus(
    *,
    token_reward: TokenReward,
    turn: Turn,
    gamma: Gamma = 1.0,
    present: Present | None = None,
    offsets: Offsets | None = None,
    eps: Eps = 1e-8,
    out: OutPair | None = None,
    backend: Backend = "auto",
) -> tuple[Tensor, Tensor]:
    """(advantage, returns): discounted returns, whitened over all written tokens of the batch.

        returns = discounted_return(...);  A[t] = (returns[t] − mean) · (variance + eps)^(−1/2)

    Every token counts once, so long trajectories weigh more. A KL penalty belongs in
    `token_reward`.

    Degenerate cases: equal returns give exactly 0; so do fewer than two tokens.

    Breaks by design:
        trajectories_may_be_computed_apart: returns are whitened over the batch.
        an_earlier_turn_changes_nothing_later: one more return enters the mean and the
            deviation that all are held against.
        better_is_never_worse: a return that rises widens the deviation it is divided by.

    Source: Hu et al. 2025, arXiv:2501.03262.
    Differs from older code: tool output neither cuts the return nor receives one.

    >>> import torch
    >>> reward, turn = torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([[0, -1, 1]])
    >>> advantage, returns = reinforce_plus_plus(token_reward=reward, turn=turn, gamma=0.5)
    >>> advantage
    tensor([[-0.7071,  0.0000,  0.7071]])
    """
    check_layout("reinforce_plus_plus", turn, offsets)
    dtype = as_float(token_reward[:0]).dtype
    check_out("reinforce_plus_plus", turn, dtype, *pair("reinforce_plus_plus", out))
    run = pick("reinforce_plus_plus", backend, returns.whitened_returns, token_reward)
    return run(token_reward, turn, gamma=gamma, eps=eps, present=present, offsets=offsets, out=out)


@checked
def reinforce_plus_plus_baseline(
    *,
    reward: Reward,
    group: Group,
    length: Length,
    valid: Valid | None = None,
    eps: Eps = 1e-8,
    lone: Lone = "zero",
    backend: Backend = "auto",
) -> Credit:
    """How much better a reward is than its group's mean, whitened over the tokens of the batch.

        c[i] = reward[i] − mean over group(i);  A[i] = (c[i] − mean) · (variance + eps)^(−1/2)

    mean and variance count row i `length[i]` times: the moments over tokens, from counts alone.

    Degenerate cases: a batch of constant groups gives exactly 0; a row without tokens gets 0; a
    group of one has c = 0 (lone="raw": its reward).

    Breaks by design:
        groups_do_not_hear_each_other, a_new_group_changes_nothing,
            groups_may_be_computed_apart, no_credit_lies_beyond_the_spread: credit is
            whitened over the batch.
        better_is_never_worse: a reward that rises widens the deviation it is divided by.
        credit_sums_to_zero, long_trajectories_do_not_outvote_short_ones: the mean that is
            taken off runs over tokens.
        lone_members_get_nothing, constant_groups_get_nothing,
            shifting_rewards_changes_nothing (lone="raw"): a raw reward enters the
            whitening.

    Source: Hu et al. 2025, arXiv:2501.03262 (baseline form).
    Differs from verl: lone rollouts (`presets.VERL_REINFORCE_PLUS_PLUS_BASELINE`); from OpenRLHF:
    unbiased variance, padding stays 0.

    >>> import torch
    >>> reward, length = torch.tensor([1.0, 0.0]), torch.tensor([2, 2])
    >>> reinforce_plus_plus_baseline(reward=reward, group=torch.tensor([7, 7]), length=length)
    tensor([ 0.8660, -0.8660])
    """
    take = taken(valid, reward)
    standing = pick("reinforce_plus_plus_baseline", backend, groups.standing, reward)
    centered = standing(reward, (group,), take, lone=lone)
    weight = torch.where(take, wide(length), torch.zeros_like(centered))
    return narrow(standardize(centered, weight, eps), reward)
