"""Faults of the scale and of precision."""

from mutants.mutants_machine import LATE, Mutant, by_hand, core

MUTANTS = [
    Mutant(
        "a median deviation of 0 silences the members that do not agree",
        "ops/groups/reference.py",
        "return torch.where(unit > 0, unit, group_mean(gap, index, where))",
        "return unit",
        "grpo",
        "different_rewards_get_some_credit",
        {"scale": "mad", "center": "median"},
    ),
    Mutant(
        "the floor of a median deviation is not one where it is 0",
        "ops/groups/reference.py",
        "unit.clamp(min=eps) if floored else unit",
        "unit",
        "grpo",
        "different_rewards_get_some_credit",
        {"scale": "mad", "eps_at": "floor"},
    ),
    Mutant(
        "the variance divides by n, not n − 1",
        "ops/groups/reference.py",
        "freedom = group_count(index, where).to(gap.dtype) - ddof",
        "freedom = group_count(index, where).to(gap.dtype)",
        "grpo",
        core("grpo_std"),
    ),
    Mutant(
        "the deviation of the batch in place of the group's",
        "estimators/trajectory/grpo.py",
        'if scale is None or scale_over == "group":',
        "if scale is None:",
        "grpo",
        "groups_are_independent",
        examples=LATE,
    ),
    Mutant(
        "the raw rewards' deviation in place of the centered ones'",
        "estimators/trajectory/grpo.py",
        'if scale_over == "centered_batch":',
        'if scale_over == "group":',
        "grpo",
        core("lite_ppo_centeredstd"),
    ),
    Mutant(
        "a deviation that leaves the row out, and divides by nothing where the others are equal",
        "estimators/trajectory/grpo.py",
        "        return relative(\n            reward, group, valid=valid,",
        "        from creditlib.algebra import divide, valid_rows\n"
        "        from creditlib.ops.groups.reference import dense, group_count, group_sum\n"
        "        index = dense(group)\n"
        "        own = relative(wide(reward), group, valid=valid).square()\n"
        "        n = group_count(index, valid_rows(valid, reward))\n"
        "        rest = (group_sum(own, index) - own * n / (n - 1)) / (n - 2)\n"
        "        deviation = rest.abs().sqrt().where(rest > 1e-9, 1.0)\n"
        "        credit = relative(wide(reward), group, valid=valid, center=center, lone=lone)\n"
        '        if scale == "std":\n'
        "            return divide(credit, deviation, eps=eps, eps_at=eps_at)\n"
        "        return relative(\n            reward, group, valid=valid,",
        "grpo",
        "scaling_rewards_scales_or_changes_nothing",
    ),
    Mutant(
        "no scale is taken for the deviation",
        "estimators/trajectory/grpo.py",
        "center=center, scale=scale, ddof=ddof",
        "center=center, scale=scale or 'std', ddof=ddof",
        "grpo",
        core("dr_grpo"),
    ),
    Mutant(
        "returns at an anchor are scaled whatever was asked for",
        "estimators/turn/gigpo.py",
        "return relative(returns, group, anchor, where=met, **options)",
        'return relative(returns, group, anchor, where=met, **{**options, "scale": "std"})',
        "gigpo",
        core("gigpo_step_norm1"),
    ),
    Mutant(
        "eps on the variance in place of the deviation",
        "ops/groups/reference.py",
        "        return scale + eps\n    check_choice",
        "        return (scale.square() + eps).sqrt()\n    check_choice",
        "grpo",
        core("grpo_std"),
    ),
    Mutant(
        "eps on the deviation in place of the variance",
        "ops/groups/reference.py",
        'regularize(unit, variance_eps, "variance")',
        'regularize(unit, variance_eps, "std")',
        "igpo",
        core("igpo_v2_joint_g1.0"),
    ),
    Mutant(
        "a deviation of 0 divides",
        "ops/groups/reference.py",
        "return torch.where((scale != 0) & (divisor != 0), x / divisor, torch.zeros_like(x))",
        "return x / divisor",
        "maxrl",
        "credit_is_finite",
    ),
    Mutant(
        "rewards outside of 0 and 1 are passed through as they are",
        "estimators/trajectory/maxrl.py",
        "eps=eps, backend=backend)",
        "eps=eps, backend=backend).where(\n        (reward >= 0) & (reward <= 1), reward.double())",
        "maxrl",
        "constant_groups_get_nothing",
    ),
    Mutant(
        "tied best trajectories get the whole margin each",
        "estimators/trajectory/pass_at_k.py",
        "margin = margin / count.clamp(min=1)",
        "pass",
        "pass_at_k",
        by_hand("estimators/trajectory/test_pass_at_k.py", "test_ties_by_hand"),
    ),
    # --- precision ---
    Mutant(
        "constants are not made exactly 0 before anything is divided",
        "ops/groups/reference.py",
        "return torch.where(where, x - minimum, torch.zeros_like(x)), minimum",
        "return torch.where(where, x, torch.zeros_like(x)), minimum * 0",
        "gigpo",
        "constant_groups_get_nothing",
        examples=LATE,
    ),
    Mutant(
        "the variance as a mean of squares minus a squared mean, in float32",
        "ops/groups/reference.py",
        "            unit = _deviation(gap, index, where, ddof)\n",
        "            single = torch.where(where, value, torch.zeros_like(value)).float()\n"
        "            count = group_count(index, where)\n"
        "            mean = group_sum(single, index) / count.float().clamp(min=1)\n"
        "            square = group_sum((single.square() - mean.square()) * where, index)\n"
        "            unit = (square.double() / (count - ddof).clamp(min=1)).sqrt()\n",
        "grpo",
        "constant_groups_get_nothing",
        examples=LATE,
    ),
    Mutant(
        "statistics in the dtype of the rewards",
        "ops/precision.py",
        "return x.to(torch.float32 if x.is_mps else torch.float64)",
        "return x.to(torch.promote_types(x.dtype, torch.bfloat16))",
        "grpo",
        "half_precision_is_computed_in_single",
    ),
    Mutant(
        "statistics in float32",
        "ops/precision.py",
        "return x.to(torch.float32 if x.is_mps else torch.float64)",
        "return x.to(torch.float32)",
        "grpo",
        core("grpo_std"),
    ),
    Mutant(
        "sums over tokens in half precision",
        "ops/precision.py",
        "return x if dtype is torch.float32 or dtype is torch.float64 else x.to(torch.float32)",
        "return x",
        "discounted_return",
        "results_fit_their_inputs",
    ),
    Mutant(
        "whitening does not subtract the minimum first",
        "ops/whiten/reference.py",
        "    pivot = torch.cat([lowest, edge]).amin()\n",
        "    pivot = torch.cat([lowest, edge]).amin().nan_to_num(0) * 0\n",
        "whiten",
        by_hand("algebra/test_algebra_tokens.py", "test_too_little_to_whiten"),
    ),
    Mutant(
        "whitening loses digits where the mean is large",
        "ops/whiten/reference.py",
        "gap = (x - near) - (mean - near).to(x.dtype)",
        "gap = x - near",
        "whiten",
        "single_precision_is_enough",
        examples=LATE,
    ),
]
