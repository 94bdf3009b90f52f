"""Faults of turns: returns, GiGPO, process supervision."""

from mutants.mutants_machine import Mutant, by_hand, core

EPISODE_TERM = "test_leaving_out_leaves_the_trajectory_out_of_the_episode_term"

MUTANTS = [
    Mutant(
        "trajectories count once per turn",
        "estimators/turn/gigpo.py",
        'if episode_over == "turn":',
        'if episode_over != "first_turn":',
        "gigpo",
        "long_trajectories_do_not_outvote_short_ones",
    ),
    Mutant(
        "the penalty of the first turn is that of the trajectory",
        "estimators/turn/gigpo.py",
        "if first and invalid.shape[1]:",
        "if invalid.shape[1]:",
        "gigpo",
        by_hand("estimators/turn/test_gigpo.py", "test_penalties_by_hand"),
    ),
    Mutant(
        "penalties are discounted back to earlier turns",
        "estimators/turn/gigpo.py",
        "        returns, penalty = returns - invalid_penalty * invalid,",
        "        penalized = wide(turn_reward) - invalid_penalty * invalid\n"
        "        returns, penalty = returns_to_go(penalized, where, gamma),",
        "gigpo",
        core("gigpo_step_returns(after penalty)"),
    ),
    Mutant(
        "turns past the end get credit",
        "estimators/turn/gigpo.py",
        "return torch.where(where, credit, torch.zeros_like(credit))",
        "return credit",
        "gigpo",
        "nothing_where_nobody_wrote",
    ),
    Mutant(
        "a trajectory has one turn more than it has",
        "ops/masks.py",
        "exists = torch.arange(turns, device=turn_count.device) < turn_count[:, None]",
        "exists = torch.arange(turns, device=turn_count.device) <= turn_count[:, None]",
        "gigpo",
        "nothing_where_nobody_wrote",
    ),
    Mutant(
        "rewards past the last turn are counted",
        "ops/returns/reference.py",
        "value = torch.where(where, x, torch.zeros_like(x))",
        "value = x",
        "gigpo",
        "padding_changes_nothing",
    ),
    Mutant(
        "the discount counts from the first turn",
        "ops/returns/reference.py",
        "return reverse_affine(value, torch.full_like(value, gamma))",
        "age = torch.arange(value.shape[-1])\n"
        "    return reverse_affine(value * gamma**age, torch.ones_like(value))",
        "gigpo",
        "an_earlier_turn_changes_nothing_later",
    ),
    Mutant(
        "a return holds only what comes later",
        "ops/returns/reference.py",
        "return reverse_affine(value, torch.full_like(value, gamma))",
        "return reverse_affine(value, torch.full_like(value, gamma)) - value",
        "grpo_process",
        core("grpo_process"),
    ),
    Mutant(
        "every turn gets the return of the first",
        "estimators/turn/gigpo.py",
        "returns = returns_to_go(wide(turn_reward), where, gamma, backend=backend)",
        "returns = returns_to_go(wide(turn_reward), where, gamma, backend=backend)\n"
        "    returns = returns[:, :1].expand(returns.shape)",
        "gigpo",
        core("gigpo_step_norm1"),
    ),
    Mutant(
        "an anchor's mean runs over the first turns of trajectories only",
        "estimators/turn/gigpo.py",
        "        return relative(returns, group, anchor, where=met, **options)\n",
        "        first = torch.zeros_like(returns).index_fill(1, torch.tensor([0]), 1.0)\n"
        '        options = {**options, "scale": None}\n'
        "        return relative(returns, group, anchor, where=met, weight=first, **options)\n",
        "gigpo",
        core("gigpo_step_norm1"),
    ),
    Mutant(
        "a turn left alone gets nothing",
        "estimators/turn/gigpo.py",
        "otherwise=far, **own",
        "otherwise=0 * far, **own",
        "gigpo",
        "the_expected_gradient_is_the_true_one",
        {"leave_out": "trajectory", "scale": None, "gamma": 1.0},
    ),
    Mutant(
        "leaving the trajectory out leaves only the turn out",
        "estimators/turn/gigpo.py",
        'own = {"leave_out": _rows(group)}',
        'own = {"center": "leave_one_out"}',
        "gigpo",
        "the_expected_gradient_is_the_true_one",
        {"leave_out": "trajectory", "scale": None, "gamma": 1.0},
    ),
    Mutant(
        "the episode term compares a trajectory with itself too",
        "estimators/turn/gigpo.py",
        'center = "mean" if leave_out is None else "leave_one_out"',
        'center = "mean"',
        "gigpo",
        by_hand("estimators/turn/test_gigpo.py", EPISODE_TERM),
    ),
    # --- process supervision ---
    Mutant(
        "steps are credited with themselves alone",
        "estimators/turn/grpo_process.py",
        "z = returns_to_go(z, met, gamma, backend=backend)",
        "z = returns_to_go(z, met, 0.0, backend=backend)",
        "grpo_process",
        core("grpo_process"),
    ),
    Mutant(
        "steps are compared with those at the same place",
        "estimators/turn/grpo_process.py",
        "        return (group,)\n",
        "        return group, torch.arange(turn_reward.shape[1])[None]\n",
        "grpo_process",
        core("grpo_process"),
    ),
    Mutant(
        "turns that do not exist count in the pool of steps",
        "estimators/turn/grpo_process.py",
        "relative(x, *keys, where=known,",
        "relative(x.nan_to_num(0), *keys, where=known | True,",
        "grpo_process",
        "padding_changes_nothing",
    ),
]
