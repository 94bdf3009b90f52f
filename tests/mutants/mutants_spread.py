"""Faults of the spread and of precision."""

from mutants.mutants_machine import LATE, Mutant, by_hand, core

MUTANTS = [
    Mutant(
        "the variance divides by n, not n − 1",
        "ops/groups.py",
        "freedom = members(index, take).to(x.dtype) - ddof",
        "freedom = members(index, take).to(x.dtype)",
        "grpo",
        core("grpo_std"),
    ),
    Mutant(
        "the deviation of the batch in place of the group's",
        "estimators/grpo.py",
        "credit = scaled(reward, (group,), take, by=center, lone=lone)",
        "x = scaled(reward, (), take, by=None)\n"
        "        credit = standing(x, (group,), take, by=center, lone=lone)",
        "grpo",
        "groups_do_not_hear_each_other",
        examples=LATE,
    ),
    Mutant(
        "the raw rewards' deviation in place of the centred ones'",
        "estimators/grpo.py",
        "scaled(standing(reward, (group,), take, by=center, lone=lone), (), take, by=None)",
        "standing(scaled(reward, (), take, by=None), (group,), take, by=center, lone=lone)",
        "grpo",
        core("lite_ppo_centeredstd"),
    ),
    Mutant(
        "a deviation that leaves the row out, and divides by nothing where the others are equal",
        "estimators/grpo.py",
        "credit = scaled(reward, (group,), take, by=center, lone=lone)",
        "credit = standing(reward, (group,), take, by=center, lone=lone)\n"
        "        index = groups.dense(group)\n"
        "        own = groups.center(reward.double(), index, take).square()\n"
        "        n = groups.members(index, take)\n"
        "        rest = (groups.total(own, index) - own * n / (n - 1)) / (n - 2)\n"
        "        unit = rest.abs().sqrt().where(rest > 1e-9, 1.0)\n"
        "        credit = groups.scaled(credit, unit, eps=eps, at=eps_at)",
        "grpo",
        "scaling_rewards_scales_or_changes_nothing",
    ),
    Mutant(
        "no scale is taken for the deviation",
        "estimators/grpo.py",
        "functools.partial(standing, scale=scale,",
        'functools.partial(standing, scale=scale or "std",',
        "grpo",
        core("dr_grpo"),
    ),
    Mutant(
        "returns at an anchor are scaled whatever was asked for",
        "estimators/gigpo.py",
        "        return plan.scaled(returns, state, met)\n",
        '        return plan._replace(scale="std").scaled(returns, state, met)\n',
        "gigpo",
        core("gigpo_step_norm1"),
    ),
    Mutant(
        "eps on the variance in place of the deviation",
        "ops/groups.py",
        'return x.clamp(min=eps) if at == "floor" else x + eps',
        'return x.clamp(min=eps) if at == "floor" else (x.square() + eps).sqrt()',
        "grpo",
        core("grpo_std"),
    ),
    Mutant(
        "eps on the deviation in place of the variance",
        "ops/groups.py",
        'soften(unit, variance_eps, "variance")',
        'soften(unit, variance_eps, "std")',
        "igpo",
        core("igpo_v2_joint_g1.0"),
    ),
    Mutant(
        "a spread of 0 divides",
        "ops/groups.py",
        "return torch.where((by != 0) & (divisor != 0), x / divisor, torch.zeros_like(x))",
        "return x / divisor",
        "maxrl",
        "credit_is_finite",
    ),
    Mutant(
        "rewards outside of 0 and 1 are passed through as they are",
        "estimators/maxrl.py",
        'standing(reward, (group,), taken(valid, reward), scale="mean", eps=eps), reward)',
        'standing(reward, (group,), taken(valid, reward), scale="mean", eps=eps)\n'
        "        .where((reward >= 0) & (reward <= 1), reward.double()), reward)",
        "maxrl",
        "constant_groups_get_nothing",
    ),
    Mutant(
        "tied best trajectories get the whole margin each",
        "estimators/pass_at_k.py",
        "margin = margin / count.clamp(min=1)",
        "pass",
        "pass_at_k",
        by_hand("estimators/test_pass_at_k.py", "test_ties_by_hand"),
    ),
    # --- precision ---
    Mutant(
        "constants are not made exactly 0 before anything is divided",
        "ops/groups.py",
        "return torch.where(take, x - pivot, torch.zeros_like(x)), pivot",
        "return torch.where(take, x, torch.zeros_like(x)), pivot * 0",
        "gigpo",
        "constant_groups_get_nothing",
        examples=LATE,
    ),
    Mutant(
        "the variance as a mean of squares minus a squared mean, in float32",
        "ops/groups.py",
        "    square = center(x, index, take).square()\n",
        "    x = torch.where(take, x, torch.zeros_like(x)).float()\n"
        "    count = members(index, take).float().clamp(min=1)\n"
        "    mean = total(x, index) / count\n"
        "    square = (x.square() - mean.square()) * take\n",
        "grpo",
        "constant_groups_get_nothing",
        examples=LATE,
    ),
    Mutant(
        "statistics in the dtype of the rewards",
        "ops/precision.py",
        'return x.to(torch.float32 if x.device.type == "mps" else torch.float64)',
        "return x.to(torch.promote_types(x.dtype, torch.bfloat16))",
        "grpo",
        "half_precision_is_computed_in_single",
    ),
    Mutant(
        "statistics in float32",
        "ops/precision.py",
        'return x.to(torch.float32 if x.device.type == "mps" else torch.float64)',
        "return x.to(torch.float32)",
        "grpo",
        core("grpo_std"),
    ),
    Mutant(
        "sums over tokens in half precision",
        "ops/precision.py",
        "return x if x.dtype == torch.float64 else x.to(torch.float32)",
        "return x",
        "discounted_return",
        "half_precision_is_computed_in_single",
    ),
    Mutant(
        "whitening subtracts no pivot",
        "ops/whitening.py",
        "    pivot = torch.cat([lowest, edge]).amin()\n",
        "    pivot = torch.cat([lowest, edge]).amin().nan_to_num(0) * 0\n",
        "whiten",
        by_hand("test_tokens.py", "test_too_little_to_whiten"),
    ),
    Mutant(
        "a large mean costs whitening its digits",
        "ops/whitening.py",
        "gap = (x - near) - (mean - near).to(x.dtype)",
        "gap = x - near",
        "whiten",
        "single_precision_is_enough",
        examples=LATE,
    ),
]
