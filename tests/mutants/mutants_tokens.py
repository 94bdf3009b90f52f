"""Faults of tokens: masks, tool output, returns, and where a reward lies."""

from mutants.mutants_machine import LATE, Mutant, by_hand, core

MUTANTS = [
    Mutant(
        "the mask is ignored",
        "ops/spread.py",
        "return torch.where(turn >= 0, value, torch.zeros_like(value))",
        "return value.expand(turn.shape).clone()",
        "to_tokens",
        "nothing_where_nobody_wrote",
    ),
    Mutant(
        "tool output gets the credit of the first turn",
        "ops/spread.py",
        "index = (turn.to(torch.int64) + 1).clamp_(min=0)",
        "index = (turn.to(torch.int64) + 1).clamp_(min=1)",
        "to_tokens",
        by_hand("test_tokens.py", "test_to_tokens_by_hand"),
    ),
    Mutant(
        "a token gets the credit of the turn before its own",
        "ops/spread.py",
        "index = (turn.to(torch.int64) + 1).clamp_(min=0)",
        "index = turn.to(torch.int64).clamp(min=0)",
        "to_tokens",
        by_hand("test_tokens.py", "test_to_tokens_by_hand"),
    ),
    Mutant(
        "credit is shared out among the tokens of the row",
        "ops/spread.py",
        "return torch.where(turn >= 0, value, torch.zeros_like(value))",
        "shared = value / (turn >= 0).sum(-1, keepdim=True).clamp(min=1)\n"
        "        return torch.where(turn >= 0, shared, torch.zeros_like(shared))",
        "to_tokens",
        by_hand("test_tokens.py", "test_to_tokens_by_hand"),
    ),
    Mutant(
        "a weight that is not finite reaches tokens nobody wrote",
        "tokens.py",
        "advantage.mul_(weight.to(advantage.dtype)).masked_fill_(turn < 0, 0)",
        "advantage.mul_(weight.to(advantage.dtype))",
        "to_tokens",
        "padding_changes_nothing",
        examples=LATE,
    ),
    Mutant(
        "the sum of a turn counts what a tool wrote",
        "ops/spread.py",
        "    index = torch.where(mine, turn.to(torch.int64) + 1, 0)\n"
        "    kept = torch.where(mine, x, torch.zeros_like(x))\n",
        "    index, kept = (turn.to(torch.int64) + 1).clamp(min=1, max=turns), x\n",
        "turn_sum",
        "tool_output_changes_nothing",
    ),
    # --- tool output ---
    Mutant(
        "tool output is discounted",
        "ops/returns.py",
        "decay = torch.where(gaps.mine, torch.full_like(reward, gamma), torch.ones_like(reward))",
        "decay = torch.full_like(reward, gamma)",
        "discounted_return",
        "tool_output_changes_nothing",
    ),
    Mutant(
        "the return starts again after tool output",
        "ops/returns.py",
        "decay = torch.where(gaps.mine, torch.full_like(reward, gamma), torch.ones_like(reward))",
        "decay = torch.where(gaps.mine, torch.full_like(reward, gamma), zero)",
        "discounted_return",
        "tool_output_changes_nothing",
    ),
    Mutant(
        "the return is carried into tool output",
        "ops/returns.py",
        "return torch.where(gaps.mine, scanned, zero)",
        "return scanned",
        "discounted_return",
        "nothing_where_nobody_wrote",
    ),
    Mutant(
        "the value of the next token is read, whoever wrote it",
        "ops/returns.py",
        "    coming = shift_left(gaps.following, 1, value.shape[-1])\n",
        "    coming = torch.arange(value.shape[-1]).expand(value.shape) + 1\n",
        "gae",
        "tool_output_changes_nothing",
    ),
    Mutant(
        "values of tool output enter the recursion",
        "ops/returns.py",
        "    value = torch.where(gaps.mine, value, zero)\n"
        "    coming = shift_left(gaps.following, 1, value.shape[-1])\n",
        "    coming = torch.arange(value.shape[-1]).expand(value.shape) + 1\n",
        "gae",
        "padding_changes_nothing",
    ),
    # --- returns ---
    Mutant(
        "a return leaves its own reward out",
        "ops/returns.py",
        "return torch.where(gaps.mine, scanned, zero)",
        "return torch.where(gaps.mine, scanned - reward, zero)",
        "discounted_return",
        core("rfpp_gamma.9_returns"),
    ),
    Mutant(
        "the discount counts from the start of the row",
        "ops/returns.py",
        "    scanned = reverse_affine(torch.where(gaps.mine, reward, zero), decay, gaps.row)\n",
        "    age = (gaps.mine.cumsum(-1) - 1).clamp(min=0)\n"
        "    aged = torch.where(gaps.mine, reward * gamma**age, zero)\n"
        "    scanned = reverse_affine(aged, torch.ones_like(reward), gaps.row)\n",
        "discounted_return",
        "an_earlier_turn_changes_nothing_later",
    ),
    Mutant(
        "a whole batch is one trajectory",
        "ops/scan.py",
        "    result = torch.empty_like(values)\n",
        "    values = torch.cat([values[:1], values[1:] + 0 * values[:-1].roll(1, -1)])\n"
        "    values[-1:] += values[-1:].roll(1, -1)\n"
        "    result = torch.empty_like(values)\n",
        "softmin_returns",
        "trajectories_may_be_computed_apart",
    ),
    Mutant(
        "returns are computed without the critic",
        "estimators/gae.py",
        "return advantage, (advantage + critic).where(gaps.mine, advantage)",
        "return advantage, advantage",
        "gae",
        by_hand("estimators/test_gae.py"),
    ),
    # --- rewards ---
    Mutant(
        "a reward on tool output is lost",
        "ops/returns.py",
        "kept = torch.where(counts, x, torch.zeros_like(x))",
        "kept = torch.where(gaps.mine, x, torch.zeros_like(x))",
        "discounted_return",
        "rewards_are_never_lost",
    ),
    Mutant(
        "a reward behind the last token is lost",
        "ops/returns.py",
        "counts = counts & (present | gaps.mine)",
        "counts = has_following & (present | gaps.mine)",
        "gae",
        "rewards_are_never_lost",
    ),
    Mutant(
        "the last token is looked for where a mask without holes would end",
        "ops/returns.py",
        "target = torch.where(has_previous, gaps.previous, gaps.following)",
        "target = torch.where(has_previous, gaps.mine.cumsum(-1) - 1, gaps.following)",
        "discounted_return",
        "padding_changes_nothing",
        examples=LATE,
    ),
    Mutant(
        "a reward on tool output counts for the token behind it",
        "ops/returns.py",
        "target = torch.where(has_previous, gaps.previous, gaps.following)",
        "target = torch.where(has_following, gaps.following, gaps.previous)",
        "reinforce_plus_plus",
        "rewards_are_never_lost",
    ),
    Mutant(
        "rewards in padding are counted",
        "ops/returns.py",
        "counts = counts & has_previous & has_following",
        "pass",
        "discounted_return",
        "padding_changes_nothing",
    ),
    Mutant(
        "a NaN on tool output is a reward",
        "ops/returns.py",
        "    counts = counts & (gaps.mine | ~x.isnan())\n",
        "",
        "discounted_return",
        by_hand("estimators/test_reinforce.py", "test_a_nan_on_tool_output_is_no_reward"),
    ),
]
