"""Faults of the quality of credit: metrics, intervals, the path of a training."""

from mutants.mutants_machine import Mutant, by_hand

MUTANTS = [
    Mutant(
        "the noise stays in the norm of the mean gradient",
        "audit/metrics.py",
        "power = norm - trace / count",
        "power = norm",
        "grpo",
        by_hand("audit/test_audit_metrics.py"),
    ),
    Mutant(
        "rounding of a constant group is credit",
        "audit/metrics.py",
        "torch.where(credit.abs() > floor, credit, 0)",
        "credit",
        "grpo",
        by_hand("audit/test_audit_metrics.py", "test_rounding_of_a_constant_group_is_no_credit"),
    ),
    Mutant(
        "the cosine is not corrected for its bias",
        "audit/intervals.py",
        "value = blocks * value - (blocks - 1) * without.mean()",
        "value = value + 0 * without.mean()",
        "grpo",
        by_hand("audit/test_intervals.py", "test_the_corrected_value_by_hand"),
    ),
    Mutant(
        "the jackknife takes its blocks for independent numbers",
        "audit/intervals.py",
        "* (blocks - 1) / blocks",
        "/ (blocks * (blocks - 1))",
        "grpo",
        by_hand("audit/test_intervals.py", "test_jackknife_by_hand"),
    ),
    Mutant(
        "the noise of the means of cells counts as bias",
        "audit/cell_bias.py",
        " - alpha.square() * noise",
        "",
        "grpo",
        by_hand("audit/test_cell_bias.py"),
    ),
    Mutant(
        "estimators with a generator ignore the seed",
        "audit/credit_quality.py",
        "torch.Generator().manual_seed(seed)",
        "torch.Generator().manual_seed(0)",
        "grpo",
        by_hand("audit/test_credit_quality.py", "test_the_seed_reaches_the_estimator"),
    ),
    Mutant(
        "a heat map shows the lowest reward first",
        "audit/heat_map.py",
        "descending=True",
        "descending=False",
        "grpo",
        by_hand(
            "audit/test_heat_map.py",
            "test_the_rows_are_one_group_with_the_highest_reward_first",
        ),
    ),
    Mutant(
        "an uncertain cosine is told",
        "audit/training_path.py",
        "<= 2 * WIDEST",
        "<= 99",
        "grpo",
        by_hand("audit/test_training_path.py", "test_an_uncertain_cosine_is_none"),
    ),
]
