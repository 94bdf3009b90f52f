"""Faults of ends: what comes after a row, packed rows, padding in a mean."""

from mutants.mutants_machine import Mutant, by_hand, core

MUTANTS = [
    Mutant(
        "the value after the end is ignored",
        "ops/returns/right_aligned.py",
        "0.0 if last is None else last.to(value.dtype)[some]",
        "0.0",
        "gae",
        "only_the_flag_truncates",
    ),
    Mutant(
        "a row that ended is bootstrapped with its own values",
        "ops/returns/right_aligned.py",
        "0.0 if last is None else last.to(value.dtype)[some]",
        "value[ends] if last is None else last.to(value.dtype)[some]",
        "gae",
        "only_the_flag_truncates",
    ),
    Mutant(
        "the value after the end is added at every token",
        "ops/returns/right_aligned.py",
        "    result[ends] = 0.0 if",
        "    if last is not None:\n"
        "        result += torch.repeat_interleave(last.to(value.dtype), written.counts)\n"
        "    result[ends] = 0.0 if",
        "gae",
        by_hand("estimators/token/test_gae.py"),
    ),
    Mutant(
        "a row that fills its columns counts as cut off",
        "ops/returns/reference.py",
        "torch.where(ends, last, shift_left(here, 1, 0))",
        "torch.where(ends, last + value, shift_left(here, 1, 0))",
        "gae",
        by_hand("ops/returns/test_right_aligned.py", "test_rows_whose_lengths_cannot_be_read"),
    ),
    # --- packing ---
    Mutant(
        "a packed row is bootstrapped with the value of the next row",
        "ops/returns/reference.py",
        "        ends = shift_left(row, 1, -1) != row\n",
        "        ends = torch.arange(len(row)) == len(row) - 1\n",
        "gae",
        "packed_rows_equal_padded_rows",
    ),
    Mutant(
        "the return of a packed row includes the next row",
        "ops/scans/reference.py",
        "    decay = torch.where(same, decay, torch.zeros_like(decay))\n",
        "    decay = decay * (same | True)\n",
        "discounted_return",
        "packed_rows_equal_padded_rows",
    ),
    Mutant(
        "the first token of a packed row belongs to the row before",
        "vocabulary/conversions.py",
        "contiguous(), position, right=True)",
        "contiguous(), position, right=False)",
        "to_tokens",
        "packed_rows_equal_padded_rows",
    ),
    Mutant(
        "a reward in a gap of a packed row moves into the row before",
        "ops/returns/reference.py",
        "has_previous = gaps.previous >= gaps.start",
        "has_previous = gaps.previous >= 0",
        "discounted_return",
        by_hand(
            "estimators/token/test_discounted_return.py", "test_a_packed_reward_stays_in_its_row"
        ),
    ),
    Mutant(
        "a reward on the prompt of a packed row is lost",
        "ops/returns/reference.py",
        "    elif gaps.row is None:\n",
        "    else:\n",
        "discounted_return",
        by_hand("estimators/token/test_discounted_return.py", "test_discounted_return_by_hand"),
    ),
    # --- whitening ---
    Mutant(
        "padding is whitened too",
        "ops/returns/reference.py",
        "standardize(plain, turn >= 0, eps, first)",
        "standardize(plain, turn >= -1, eps, first)",
        "reinforce_plus_plus",
        "padding_changes_nothing",
    ),
    Mutant(
        "whitened values are not masked again",
        "ops/whiten/reference.py",
        "copy_to_out(torch.where(weight > 0, gap * rstd.to(x.dtype), torch.zeros_like(x)), out)",
        "copy_to_out(gap * rstd.to(x.dtype), out)",
        "reinforce_plus_plus",
        "nothing_where_nobody_wrote",
    ),
    Mutant(
        "whitening divides by n, not n − 1",
        "ops/whiten/reference.py",
        "square / (mass - 1)",
        "square / mass",
        "reinforce_plus_plus",
        core("rfpp_gamma.9_adv"),
    ),
    Mutant(
        "whitening counts every row once, whatever it holds",
        "ops/whiten/reference.py",
        "row_weight = torch.where(where, weight.to(value.dtype), torch.zeros_like(value))",
        "row_weight = where.to(value.dtype)",
        "reinforce_plus_plus_baseline",
        core("rfpp_baseline"),
    ),
    Mutant(
        "each row is whitened on its own",
        "ops/returns/reference.py",
        "    return standardize(plain, turn >= 0, eps, first), plain\n",
        "    rows = [standardize(*pair, eps) for pair in zip(plain, turn >= 0)]\n"
        "    return torch.stack(rows) if rows and plain.ndim == 2 else plain, plain\n",
        "reinforce_plus_plus",
        core("rfpp_gamma.9_adv"),
    ),
]
