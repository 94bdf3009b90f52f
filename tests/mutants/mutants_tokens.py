"""Faults of tokens: masks, tool output, returns, and where a reward lies."""

from mutants.mutants_machine import LATE, Mutant, by_hand, core

MUTANTS = [
    Mutant(
        "the mask is ignored",
        "ops/tokens/reference.py",
        "return torch.where(turn >= 0, value, torch.zeros_like(value))",
        "return value.expand(turn.shape).clone()",
        "to_tokens",
        "nothing_where_nobody_wrote",
    ),
    Mutant(
        "tool output gets the credit of the first turn",
        "ops/tokens/reference.py",
        "index = (turn.to(torch.int64) + 1).clamp_(min=0)",
        "index = (turn.to(torch.int64) + 1).clamp_(min=1)",
        "to_tokens",
        by_hand("algebra/test_algebra_tokens.py", "test_to_tokens_by_hand"),
    ),
    Mutant(
        "a token gets the credit of the turn before its own",
        "ops/tokens/reference.py",
        "index = (turn.to(torch.int64) + 1).clamp_(min=0)",
        "index = turn.to(torch.int64).clamp(min=0)",
        "to_tokens",
        by_hand("algebra/test_algebra_tokens.py", "test_to_tokens_by_hand"),
    ),
    Mutant(
        "credit is shared out among the tokens of the row",
        "ops/tokens/reference.py",
        "return torch.where(turn >= 0, value, torch.zeros_like(value))",
        "shared = value / (turn >= 0).sum(-1, keepdim=True).clamp(min=1)\n"
        "    return torch.where(turn >= 0, shared, torch.zeros_like(shared))",
        "to_tokens",
        by_hand("algebra/test_algebra_tokens.py", "test_to_tokens_by_hand"),
    ),
    Mutant(
        "a weight that is not finite reaches unwritten tokens",
        "ops/tokens/reference.py",
        "result.mul_(weight.to(result.dtype)).masked_fill_(turn < 0, 0)",
        "result.mul_(weight.to(result.dtype))",
        "to_tokens",
        "padding_changes_nothing",
        examples=LATE,
    ),
    Mutant(
        "the sum of a turn includes tool output",
        "ops/tokens/reference.py",
        "    index = torch.where(where, turn.to(torch.int64) + 1, 0)\n"
        "    kept = torch.where(where, wide(x), torch.zeros_like(wide(x)))\n",
        "    index, kept = (turn.to(torch.int64) + 1).clamp(min=1, max=turns), wide(x)\n",
        "turn_sum",
        "tool_output_changes_nothing",
    ),
    # --- tool output ---
    Mutant(
        "tool output is discounted",
        "ops/returns/right_aligned.py",
        "np.flatnonzero((turn >= 0).numpy())",
        "np.flatnonzero((turn >= -1).numpy())",
        "discounted_return",
        "tool_output_changes_nothing",
    ),
    Mutant(
        "the return starts again after tool output",
        "ops/returns/reference.py",
        "factor = torch.where(where, each, torch.ones_like(value))",
        "factor = torch.where(where, each, torch.zeros_like(value))",
        "discounted_return",
        by_hand("ops/returns/test_right_aligned.py", "test_rows_whose_lengths_cannot_be_read"),
    ),
    Mutant(
        "the return is carried into tool output",
        "ops/returns/reference.py",
        "return torch.where(where, reverse_affine(value, factor, row), torch.zeros_like(value))",
        "return reverse_affine(value, factor, row)",
        "discounted_return",
        by_hand("ops/returns/test_right_aligned.py", "test_rows_whose_lengths_cannot_be_read"),
    ),
    Mutant(
        "the value of the next token is read, written by the policy or not",
        "ops/returns/reference.py",
        "    here = reverse_affine(here, hole.to(value.dtype), row)\n",
        "    here = torch.where(hole & ~ends, value, here)\n",
        "gae",
        by_hand("ops/returns/test_right_aligned.py", "test_rows_whose_lengths_cannot_be_read"),
    ),
    Mutant(
        "values of tool output enter the recursion",
        "ops/returns/reference.py",
        "torch.where(where, value.to(dtype), torch.zeros_like(value, dtype=dtype))",
        "value.to(dtype)",
        "gae",
        by_hand("ops/returns/test_right_aligned.py", "test_rows_whose_lengths_cannot_be_read"),
    ),
    # --- returns ---
    Mutant(
        "a return leaves its own reward out",
        "ops/returns/reference.py",
        "walk_blocks(earned, written, gamma)",
        "walk_blocks(earned, written, gamma) - earned",
        "discounted_return",
        core("rfpp_gamma.9_returns"),
    ),
    Mutant(
        "the discount counts from the start of the row",
        "ops/returns/right_aligned.py",
        "    table = value.new_zeros(",
        "    start = torch.repeat_interleave(written.end - written.counts, written.counts)\n"
        "    value = value * decay ** (torch.arange(len(value)) - start)\n"
        "    decay = 1.0\n"
        "    table = value.new_zeros(",
        "discounted_return",
        "an_earlier_turn_changes_nothing_later",
    ),
    Mutant(
        "a whole batch is one trajectory",
        "ops/scans/reference.py",
        "    steps, decays = result.unbind(0)",
        "    result[-1:] += result[-1:].roll(1, -1)\n    steps, decays = result.unbind(0)",
        "softmin_returns",
        "trajectories_may_be_computed_apart",
    ),
    Mutant(
        "returns are computed without the critic",
        "ops/returns/reference.py",
        "returns = on_tokens(advantage + value, written, turn)",
        "returns = on_tokens(advantage, written, turn)",
        "gae",
        by_hand("estimators/token/test_gae.py"),
    ),
    # --- rewards ---
    Mutant(
        "a reward on tool output is lost",
        "ops/returns/reference.py",
        "kept = torch.where(counts, x, torch.zeros_like(x))",
        "kept = torch.where(gaps.where, x, torch.zeros_like(x))",
        "discounted_return",
        "rewards_are_never_lost",
    ),
    Mutant(
        "a reward behind the last token is lost",
        "ops/returns/reference.py",
        "counts = counts & (present | gaps.where)",
        "counts = has_following & (present | gaps.where)",
        "gae",
        "rewards_are_never_lost",
    ),
    Mutant(
        "the last token is looked for where a mask without holes would end",
        "ops/returns/reference.py",
        "target = torch.where(has_previous, gaps.previous, gaps.following)",
        "target = torch.where(has_previous, gaps.where.cumsum(-1) - 1, gaps.following)",
        "discounted_return",
        "padding_changes_nothing",
        examples=LATE,
    ),
    Mutant(
        "a reward on tool output counts for the token behind it",
        "ops/returns/reference.py",
        "target = torch.where(has_previous, gaps.previous, gaps.following)",
        "target = torch.where(has_following, gaps.following, gaps.previous)",
        "reinforce_plus_plus",
        "rewards_are_never_lost",
    ),
    Mutant(
        "rewards in padding are counted",
        "ops/returns/reference.py",
        "counts = counts & has_previous & has_following",
        "pass",
        "discounted_return",
        "padding_changes_nothing",
    ),
    Mutant(
        "a NaN on tool output is a reward",
        "ops/returns/reference.py",
        "    counts = counts & (gaps.where | ~x.isnan())\n",
        "",
        "discounted_return",
        by_hand(
            "estimators/token/test_discounted_return.py", "test_a_nan_on_tool_output_is_no_reward"
        ),
    ),
]
