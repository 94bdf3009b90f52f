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
        "if first and invalid.shape[1]:",
        "if invalid.shape[1]:",
        "gigpo",
        by_hand("estimators/test_gigpo.py", "test_penalties_by_hand"),
    ),
    Mutant(
        "penalties are discounted back to earlier turns",
        "estimators/gigpo.py",
        "returns - invalid_penalty * invalid\n",
        "turn_returns(\n        wide(turn_reward) - invalid_penalty * invalid, real, gamma)\n",
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
        'returns = pick("gigpo", backend, turn_returns, reward)(wide(turn_reward), real, gamma)',
        'returns = pick("gigpo", backend, turn_returns, reward)(wide(turn_reward), real, gamma)\n'
        "    returns = returns[:, :1].expand(returns.shape)",
        "gigpo",
        core("gigpo_step_norm1"),
    ),
    Mutant(
        "an anchor's mean runs over the first turns of trajectories only",
        "estimators/gigpo.py",
        "        return plan.scaled(returns, state, met)\n",
        "        first = torch.zeros_like(returns).index_fill(1, torch.tensor([0]), 1.0)\n"
        "        return plan.standing(returns, state, met, weight=first)\n",
        "gigpo",
        core("gigpo_step_norm1"),
    ),
    Mutant(
        "a turn left alone gets nothing",
        "estimators/gigpo.py",
        "leave_out=plan.rows, otherwise=far)",
        "leave_out=plan.rows, otherwise=0 * far)",
        "gigpo",
        "the_expected_gradient_is_the_true_one",
        {"leave_out": "trajectory", "scale": None, "gamma": 1.0},
    ),
    Mutant(
        "leaving the trajectory out leaves only the turn out",
        "estimators/gigpo.py",
        "leave_out=plan.rows, otherwise=far)",
        'by="leave_one_out", otherwise=far)',
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
        "return narrow(sums(z, real, 1.0), turn_reward)",
        "return narrow(sums(z, real, 0.0), turn_reward)",
        "grpo_process",
        core("grpo_process"),
    ),
    Mutant(
        "steps are compared with those at the same place",
        "estimators/grpo.py",
        "z = standing(turn_reward, (group[:, None],), real,",
        "z = standing(turn_reward, (group[:, None], real.cumsum(1)), real,",
        "grpo_process",
        core("grpo_process"),
    ),
    Mutant(
        "turns that do not exist count in the pool of steps",
        "estimators/grpo.py",
        "z = standing(turn_reward, (group[:, None],), real,",
        "z = standing(turn_reward.nan_to_num(0), (group[:, None],), real | True,",
        "grpo_process",
        "padding_changes_nothing",
    ),
]
