"""Estimators in the conventions of trainers, written by hand: right ones, and one of each fault."""

import torch


def groups(index):
    """The rows of each group."""
    names = list(index)
    return [[row for row, name in enumerate(names) if name == uid] for uid in dict.fromkeys(names)]


def compared(reward, index, *, std=False, lone=0.0, wide=True):
    """Reward less the mean of the group; `wide` adds in float64 and tells equal rewards exactly."""
    x = reward.detach().double() if wide else reward.detach()
    result = torch.zeros_like(x)
    for rows in groups(index):
        mine = x[rows]
        if len(rows) == 1:
            result[rows] = lone * mine
        elif not wide or mine.min() < mine.max():
            result[rows] = (mine - mine.mean()) / ((mine.std() + 1e-6) if std else 1)
    return result


def on_tokens(credit, rewards, mask):
    """Advantages and returns of a trainer without a critic."""
    kind = torch.float64 if rewards.dtype == torch.float64 else torch.float32
    result = torch.where(mask.bool(), credit[:, None], 0.0).to(kind)
    return result, result


# --- verl ---------------------------------------------------------------------------------------


def verl_right(token_level_rewards, response_mask, index, norm_adv_by_std_in_grpo=False):
    reward = token_level_rewards.double().sum(-1)
    credit = compared(reward, index, std=norm_adv_by_std_in_grpo)
    return on_tokens(credit, token_level_rewards, response_mask)


def verl_narrow(token_level_rewards, response_mask, index):
    credit = compared(token_level_rewards.sum(-1), index, std=True, wide=False)
    return on_tokens(credit, token_level_rewards, response_mask)


def verl_raw(token_level_rewards, response_mask, index):
    credit = compared(token_level_rewards.double().sum(-1), index, lone=1.0)
    return on_tokens(credit, token_level_rewards, response_mask)


def verl_masked(token_level_rewards, response_mask, index):
    reward = torch.where(response_mask.bool(), token_level_rewards.double(), 0.0).sum(-1)
    return on_tokens(compared(reward, index), token_level_rewards, response_mask)


def verl_writes(token_level_rewards, response_mask, index):
    result = verl_right(token_level_rewards, response_mask, index)
    response_mask[:, :1] = 0
    return result


def verl_swallows(token_level_rewards, response_mask, index, **kwargs):
    return verl_right(token_level_rewards, response_mask, index)


def verl_deaf(token_level_rewards, response_mask, index, norm_adv_by_std_in_grpo=True, config=None):
    return verl_right(token_level_rewards, response_mask, index, norm_adv_by_std_in_grpo)


def verl_alone(token_level_rewards, response_mask, index):
    """Without an index, everybody is one group."""
    index = ["all"] * len(token_level_rewards) if index is None else index
    return verl_right(token_level_rewards, response_mask, index)


def verl_settings(token_level_rewards, response_mask, config, **kwargs):
    """Discounted rewards to go; the discount comes with the settings."""
    mask = response_mask.bool()
    x = token_level_rewards.detach().double()
    total, columns = torch.zeros(len(x)).double(), []
    for at in reversed(range(x.shape[1])):
        factor = torch.where(mask[:, at], config.gamma, 1.0)
        total = x[:, at] + factor * total
        columns.append(total)
    found = torch.stack(columns[::-1], 1) * mask
    kind = torch.float64 if token_level_rewards.dtype == torch.float64 else torch.float32
    return found.to(kind), found.to(kind)


def verl_gae(token_level_rewards, values, response_mask, gamma, lam):
    """Advantages and returns; what is masked is neither a step nor worth anything."""
    mask = response_mask.bool()
    reward = torch.where(mask, token_level_rewards, 0.0).detach().double()
    value = torch.where(mask, values, 0.0).detach().double()
    after = carried = torch.zeros(len(value)).double()
    columns = []
    for at in reversed(range(value.shape[1])):
        own = mask[:, at]
        step = reward[:, at] + gamma * after - value[:, at] + gamma * lam * carried
        carried, after = torch.where(own, step, carried), torch.where(own, value[:, at], after)
        columns.append(torch.where(own, step, 0.0))
    found = torch.stack(columns[::-1], 1)
    kind = torch.float64 if token_level_rewards.dtype == torch.float64 else torch.float32
    return found.to(kind), (found + value).to(kind)


def verl_gae_of_all(token_level_rewards, values, response_mask, gamma, lam):
    """The same over every token: what the critic said of tool output counts."""
    ones = torch.ones_like(response_mask)
    found, returns = verl_gae(token_level_rewards, values, ones, gamma, lam)
    return found * response_mask, returns


# --- SkyRL --------------------------------------------------------------------------------------


def skyrl_right(token_level_rewards, response_mask, index, grpo_norm_by_std=False):
    reward = torch.where(response_mask.bool(), token_level_rewards.double(), 0.0).sum(-1)
    credit = compared(reward, index, std=grpo_norm_by_std)
    return on_tokens(credit, token_level_rewards, response_mask)


def skyrl_counts_padding(token_level_rewards, response_mask, index):
    credit = compared(token_level_rewards.double().sum(-1), index)
    return on_tokens(credit, token_level_rewards, response_mask)


# --- TRL ----------------------------------------------------------------------------------------


def by_position(num_generations, rows):
    return [row // num_generations for row in range(rows)]


def trl_right(rewards_per_func, num_generations, scale_rewards="none"):
    """A rollout without a score is nobody's."""
    x = rewards_per_func.detach().double().nansum(1)
    scored = ~rewards_per_func.isnan().all(1)
    result = torch.zeros_like(x)
    index = by_position(num_generations, len(x))
    kept = scored.nonzero()[:, 0]
    std = scale_rewards != "none"
    result[kept] = compared(x[kept], [index[row] for row in kept.tolist()], std=std)
    if scale_rewards == "batch":
        result = result / 2
    return result if rewards_per_func.dtype == torch.float64 else result.float()


def trl_counts_the_unscored(rewards_per_func, num_generations):
    x = rewards_per_func.detach().double().nansum(1)
    return compared(x, by_position(num_generations, len(x))).to(rewards_per_func.dtype)


def trl_narrow(rewards_per_func, num_generations):
    x = rewards_per_func[:, 0].nan_to_num(0)
    return compared(x, by_position(num_generations, len(x)), std=True, wide=False)
