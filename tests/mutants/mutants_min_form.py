"""Faults of min-form credit."""

from mutants.mutants_machine import LATE, Mutant, by_hand, core

WITHOUT_STEPS = "test_a_trajectory_without_steps_is_no_peer_beside_others"

MUTANTS = [
    Mutant(
        "padding takes part in the softmax",
        "ops/min_form/reference.py",
        "        power = softmin_powers(x, where, temperature)\n"
        "        total = turn_returns(power, where, 1.0)",
        "        power = torch.exp((_lowest(x, where) - x) / temperature)\n"
        "        total = turn_returns(power, where | True, 1.0)",
        "softmin_returns",
        "padding_changes_nothing",
    ),
    Mutant(
        "the best step has the largest weight, not the worst",
        "ops/min_form/reference.py",
        "torch.exp((_lowest(x, where) - x) / temperature)",
        "torch.exp((x - _lowest(x, where)) / temperature)",
        "softmin_returns",
        core("softmin_T1"),
    ),
    Mutant(
        "the temperature is ignored",
        "ops/min_form/reference.py",
        "torch.exp((_lowest(x, where) - x) / temperature)",
        "torch.exp((_lowest(x, where) - x) / 0.1)",
        "softmin_returns",
        "every_argument_is_heard",
    ),
    Mutant(
        "the minimum runs over places filled with 0",
        "algebra/turns.py",
        "torch.where(where, x, torch.full_like(x, torch.inf)), backend=backend",
        "torch.where(where, x, torch.zeros_like(x)), backend=backend",
        "suffix_min_returns",
        "padding_changes_nothing",
        examples=LATE,
    ),
    Mutant(
        "the minimum of the steps so far, not of those to come",
        "algebra/turns.py",
        "    lowest = scans.reverse_minimum(\n"
        "        torch.where(where, x, torch.full_like(x, torch.inf)), backend=backend\n"
        "    )",
        "    lowest = torch.cummin(torch.where(where, x, torch.full_like(x, torch.inf)), 1).values",
        "suffix_min_returns",
        core("sufmin_returns(literal min over future)"),
    ),
    Mutant(
        "tied worst steps get the whole minimum each",
        "ops/min_form/reference.py",
        "return at / at.sum(-1, keepdim=True).clamp(min=1)",
        "return at",
        "hard_min_returns",
        by_hand("estimators/turn/test_min_returns.py", "test_ties_share"),
    ),
    Mutant(
        "the baseline of steps includes the trajectory itself",
        "ops/min_form/reference.py",
        'center="leave_one_out", weight=size',
        "weight=size",
        "pure",
        core("pure_openrlhf_step"),
    ),
    Mutant(
        "the baseline of outcomes includes the trajectory itself",
        "ops/min_form/reference.py",
        'center="leave_one_out", lone=lone',
        "lone=lone",
        "pure",
        by_hand("estimators/turn/test_pure.py", "test_outcome_by_hand"),
    ),
    Mutant(
        "the baseline divides by the padded width",
        "ops/min_form/reference.py",
        "    count, mean = where.sum(1).to(step.dtype), _row_means(step, where)",
        "    count = where.sum(1).to(step.dtype)\n"
        "    mean = _row_means(step, where) * count / max(step.shape[1], 1)",
        "pure",
        "padding_changes_nothing",
    ),
    Mutant(
        "a lone trajectory gets its returns",
        "ops/min_form/reference.py",
        'raw = own if lone == "raw" else torch.zeros_like(own)',
        "raw = own",
        "pure",
        "lone_members_get_nothing",
    ),
    Mutant(
        "trajectories without steps count as peers that earned 0",
        "ops/min_form/reference.py",
        'center="leave_one_out", weight=size',
        'center="leave_one_out", weight=size * 0 + 1',
        "pure",
        by_hand("estimators/turn/test_pure.py", WITHOUT_STEPS),
    ),
    Mutant(
        "the token baseline counts steps, not tokens",
        "ops/min_form/reference.py",
        "unit = torch.where(where, wide(turn_length), torch.zeros_like(score))",
        "unit = where.to(score.dtype)",
        "pure",
        core("pure_openrlhf_token"),
    ),
    Mutant(
        "returns hold the step's own score alone",
        "ops/min_form/reference.py",
        "credit = turn_returns(excess, where, 1.0)",
        "credit = excess",
        "pure",
        core("pure_openrlhf_step"),
    ),
]
