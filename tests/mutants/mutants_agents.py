"""Faults of methods of agents and roles, and of rewards that turns share with an outcome."""

from mutants.mutants_machine import Mutant, by_hand

AGENTS = "recipes/test_recipes_of_agents.py"
ROLES = "streaming/test_role_baselines.py"

MUTANTS = [
    Mutant(
        "all agents of a task share a baseline",
        "recipes/agents/dr_mas.py",
        "reward, group, agent, valid=valid",
        "reward, group, valid=valid",
        "dr_mas",
        by_hand(AGENTS, "test_dr_mas"),
    ),
    Mutant(
        "an agent of one task is compared with itself on another task",
        "recipes/agents/dr_mas.py",
        "reward, group, agent, valid=valid",
        "reward, agent, valid=valid",
        "dr_mas",
        "groups_are_independent",
    ),
    Mutant(
        "the turn of the boundary is behind it",
        "recipes/turns/mt_grpo.py",
        "<= boundary[:, None]",
        "< boundary[:, None]",
        "mt_grpo",
        by_hand(AGENTS, "test_mt_grpo"),
    ),
    Mutant(
        "a row without a boundary gets the outcome only",
        "recipes/turns/mt_grpo.py",
        "torch.where((boundary < 0)[:, None], z[:, 2:], apart)",
        "torch.where((boundary < 0)[:, None], z[:, :1], apart)",
        "mt_grpo",
        by_hand(AGENTS, "test_mt_grpo_without_a_boundary"),
    ),
    Mutant(
        "a grounded turn is paid in full",
        "recipes/turns/spa_rl.py",
        "gap[:, None] + weight * grounded",
        "gap[:, None] + grounded",
        "spa_rl",
        by_hand(AGENTS, "test_spa_rl"),
    ),
    Mutant(
        "a reward joins its baseline before it is compared",
        "streaming/role_baselines.py",
        "credit.append(earned - before if here else 0.0)",
        "credit.append(earned - (decay * before + (1 - decay) * earned) if here else 0.0)",
        "streaming",
        by_hand(ROLES, "test_a_role_is_compared_with_its_own_earlier_rewards"),
    ),
    Mutant(
        "excluded rows join the baseline",
        "streaming/role_baselines.py",
        "        if here:\n",
        "        if here is not None:\n",
        "streaming",
        by_hand(ROLES, "test_excluded_rows_get_nothing_and_join_no_average"),
    ),
]
