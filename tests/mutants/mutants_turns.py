"""Faults of turns: returns, GiGPO, process supervision."""

from mutants.mutants_machine import Mutant, by_hand, core

EPISODE_TERM = "test_leaving_out_leaves_the_trajectory_out_of_the_episode_term"

MUTANTS = [
    Mutant(
        "trajectories count once per turn",
        "estimators/gigpo.py",
        'if episode_over == "turn":',
        'if episode_over != "first_turn":',
        "gigpo",
        "long_trajectories_do_not_outvote_short_ones",
    ),
    Mutant(
        "the penalty of the first turn speaks for the trajectory",
        "estimators/gigpo.py",
        "if first and penalty.shape[1]:",
        "if penalty.shape[1]:",
        "gigpo",
        by_hand("estimators/test_gigpo.py", "test_penalties_by_hand"),
    ),
    Mutant(
        "penalties are discounted back to earlier turns",
        "estimators/gigpo.py",
        "returns = turn_returns(wide(turn_reward), real, gamma) - penalty",
        "returns = turn_returns(wide(turn_reward) - penalty, real, gamma)",
        "gigpo",
        core("gigpo_step_returns(after penalty)"),
    ),
    Mutant(
        "turns past the end get credit",
        "estimators/gigpo.py",
        "return narrow(torch.where(real, credit, torch.zeros_like(credit)), reward, turn_reward)",
        "return narrow(credit, reward, turn_reward)",
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
        "ops/returns.py",
        "value = torch.where(real, x, torch.zeros_like(x))",
        "value = x",
        "gigpo",
        "padding_changes_nothing",
    ),
    Mutant(
        "the discount counts from the first turn",
        "ops/returns.py",
        "return reverse_affine(value, torch.full_like(value, gamma))",
        "age = torch.arange(value.shape[-1])\n"
        "    return reverse_affine(value * gamma**age, torch.ones_like(value))",
        "gigpo",
        "an_earlier_turn_changes_nothing_later",
    ),
    Mutant(
        "a return holds only what comes later",
        "ops/returns.py",
        "return reverse_affine(value, torch.full_like(value, gamma))",
        "return reverse_affine(value, torch.full_like(value, gamma)) - value",
        "grpo_process",
        core("grpo_process"),
    ),
    Mutant(
        "every turn gets the return of the first",
        "estimators/gigpo.py",
        "returns = turn_returns(wide(turn_reward), real, gamma) - penalty",
        "returns = turn_returns(wide(turn_reward), real, gamma) - penalty\n"
        "    returns = returns[:, :1].expand(returns.shape)",
        "gigpo",
        core("gigpo_step_norm1"),
    ),
    Mutant(
        "an anchor's mean runs over the first turns of trajectories only",
        "estimators/gigpo.py",
        "return plan.scaled(groups.center(x, index, take), x, index, take).view(returns.shape)",
        "first = torch.zeros_like(returns).index_fill(1, torch.tensor([0]), 1.0).reshape(-1)\n"
        "        return groups.center(x, index, take, weight=first).view(returns.shape)",
        "gigpo",
        core("gigpo_step_norm1"),
    ),
    Mutant(
        "a turn left alone gets nothing",
        "estimators/gigpo.py",
        "torch.where(take & (others > 0), near, far)",
        "torch.where(take & (others > 0), near, 0 * far)",
        "gigpo",
        "the_expected_gradient_is_the_true_one",
        {"leave_out": "trajectory", "scale": None, "gamma": 1.0},
    ),
    Mutant(
        "leaving the trajectory out leaves only the turn out",
        "estimators/gigpo.py",
        'own = each if plan.leave_out == "turn" else groups.dense(index, plan.turn_row)',
        "own = each",
        "gigpo",
        "the_expected_gradient_is_the_true_one",
        {"leave_out": "trajectory", "scale": None, "gamma": 1.0},
    ),
    Mutant(
        "the episode term compares a trajectory with itself too",
        "estimators/gigpo.py",
        'by = "mean" if plan.leave_out is None else "leave_one_out"',
        'by = "mean"',
        "gigpo",
        by_hand("estimators/test_gigpo.py", EPISODE_TERM),
    ),
    # --- process supervision ---
    Mutant(
        "steps are credited with themselves alone",
        "estimators/grpo.py",
        "return narrow(turn_returns(z.view(turn_reward.shape), real, 1.0), turn_reward)",
        "return narrow(turn_returns(z.view(turn_reward.shape), real, 0.0), turn_reward)",
        "grpo_process",
        core("grpo_process"),
    ),
    Mutant(
        "steps are compared with those at the same place",
        "estimators/grpo.py",
        "index = groups.dense(flat(group, turn_reward))",
        "place = torch.arange(x.numel()) % max(turn_reward.shape[1], 1)\n"
        "    index = groups.dense(flat(group, turn_reward), place)",
        "grpo_process",
        core("grpo_process"),
    ),
    Mutant(
        "turns that do not exist count in the pool of steps",
        "estimators/grpo.py",
        "x, take = wide(turn_reward).reshape(-1), real.reshape(-1)",
        "x, take = wide(turn_reward).nan_to_num(0).reshape(-1), real.reshape(-1) | True",
        "grpo_process",
        "padding_changes_nothing",
    ),
]
