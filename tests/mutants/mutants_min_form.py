"""Faults of min-form credit."""

from mutants.mutants_machine import LATE, Mutant, by_hand, core

WITHOUT_STEPS = "test_a_trajectory_without_steps_is_no_peer_beside_others"

MUTANTS = [
    Mutant(
        "padding takes part in the softmax",
        "ops/softmin.py",
        "total = sums(power, real, 1.0)[..., :1]",
        "power = torch.exp((lowest - x) / temperature)\n"
        "    total = sums(power, real | True, 1.0)[..., :1]",
        "softmin_returns",
        "padding_changes_nothing",
    ),
    Mutant(
        "weight goes to the best step, not the worst",
        "ops/softmin.py",
        "torch.exp((lowest - x) / temperature)",
        "torch.exp((x - lowest) / temperature)",
        "softmin_returns",
        core("softmin_T1"),
    ),
    Mutant(
        "the temperature is ignored",
        "ops/softmin.py",
        "torch.exp((lowest - x) / temperature)",
        "torch.exp((lowest - x) / 0.1)",
        "softmin_returns",
        "every_argument_is_heard",
    ),
    Mutant(
        "the minimum runs over places filled with 0",
        "ops/softmin.py",
        "lowest = minimum(torch.where(real, x, torch.full_like(x, torch.inf)))",
        "lowest = minimum(torch.where(real, x, torch.zeros_like(x)))",
        "suffix_min_returns",
        "padding_changes_nothing",
        examples=LATE,
    ),
    Mutant(
        "the minimum of the steps so far, not of those to come",
        "ops/softmin.py",
        "lowest = minimum(torch.where(real, x, torch.full_like(x, torch.inf)))",
        "lowest = torch.cummin(torch.where(real, x, torch.full_like(x, torch.inf)), 1).values",
        "suffix_min_returns",
        core("sufmin_returns(literal min over future)"),
    ),
    Mutant(
        "tied worst steps get the whole minimum each",
        "ops/softmin.py",
        "return at / at.sum(-1, keepdim=True).clamp(min=1)",
        "return at",
        "hard_min_returns",
        by_hand("estimators/test_min_returns.py", "test_ties_share"),
    ),
    Mutant(
        "the baseline of steps includes the trajectory itself",
        "estimators/pure.py",
        'by="leave_one_out", weight=size)',
        "weight=size)",
        "pure",
        core("pure_openrlhf_step"),
    ),
    Mutant(
        "the baseline of outcomes includes the trajectory itself",
        "estimators/pure.py",
        'by="leave_one_out", lone=lone)',
        "lone=lone)",
        "pure",
        by_hand("estimators/test_pure.py", "test_outcome_by_hand"),
    ),
    Mutant(
        "the baseline divides by the padded width",
        "estimators/pure.py",
        "count, mean = real.sum(1).to(step.dtype), _row_means(step, real, sums)",
        "count = real.sum(1).to(step.dtype)\n"
        "        mean = _row_means(step, real, sums) * count / max(step.shape[1], 1)",
        "pure",
        "padding_changes_nothing",
    ),
    Mutant(
        "a lone trajectory gets its returns",
        "estimators/pure.py",
        'raw = value if lone == "raw" else torch.zeros_like(value)',
        "raw = value",
        "pure",
        "lone_members_get_nothing",
    ),
    Mutant(
        "trajectories without steps count as peers that earned 0",
        "estimators/pure.py",
        'by="leave_one_out", weight=size)',
        'by="leave_one_out", weight=size * 0 + 1)',
        "pure",
        by_hand("estimators/test_pure.py", WITHOUT_STEPS),
    ),
    Mutant(
        "the token baseline counts steps, not tokens",
        "estimators/pure.py",
        "unit = torch.where(real, wide(turn_length), torch.zeros_like(score))",
        "pass",
        "pure",
        core("pure_openrlhf_token"),
    ),
    Mutant(
        "returns hold the step's own score alone",
        "estimators/pure.py",
        "credit = sums(excess, real, 1.0)",
        "credit = excess",
        "pure",
        core("pure_openrlhf_step"),
    ),
]
