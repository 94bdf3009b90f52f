"""Faults of crediting files: rows that move, torn groups, counts, runs that are resumed."""

from mutants.mutants_machine import Mutant, by_hand


def _mutant(wrong: str, module: str, old: str, new: str, test: str) -> Mutant:
    killer = by_hand("rollouts/crediting/test_credit_by_hand.py", test)
    return Mutant(wrong, f"rollouts/crediting/{module}.py", old, new, "credit", killer)


FILES = "test_two_files_of_one_group"
BAD = "test_bad_rows_keep_their_place"
LENGTHS = "test_lengths_come_from_tokens_or_are_stated"
CONSTANT = "test_a_constant_group_is_not_informative"

MUTANTS = [
    _mutant(
        "a group is torn over two batches",
        "groups",
        "order[start : start + size]",
        "order[start : start + size - 1]",
        "test_groups_stay_together",
    ),
    _mutant(
        "rows of a bucket come in another order",
        "groups",
        "yield number, table.take(order[start:end])",
        "yield number, table.take(order[start:end][::-1])",
        "test_groups_stay_together",
    ),
    _mutant(
        "trajectories without a name are copies of each other",
        "groups",
        "doubled &= name[order][1:] >= 0",
        "doubled &= name[order][1:] >= -1",
        "test_a_copy_of_a_trajectory_is_refused",
    ),
    _mutant(
        "tables on disk come after those in memory",
        "spill",
        "return found + last",
        "return last + found",
        "test_tables_on_disk_keep_their_order",
    ),
    _mutant(
        "the last place that lacks a key is named",
        "parts",
        "Lack(first.count + second.count, first.place)",
        "Lack(first.count + second.count, second.place)",
        "test_facts_are_reduced_in_order",
    ),
    _mutant(
        "an extreme of one part is forgotten",
        "summary",
        "low, high = min(low, each.low), max(high, each.high)",
        "low, high = each.low, max(high, each.low)",
        "test_quantiles_of_credit",
    ),
    _mutant(
        "an output older than its input counts as finished",
        "manifest",
        "if any(each.path.stat().st_mtime_ns > made for each in sources):",
        "if any(each.path.stat().st_mtime_ns < 0 for each in sources):",
        "test_a_run_is_resumed_only_if_it_is_equal",
    ),
    _mutant(
        "an output of other estimators counts as finished",
        "manifest",
        "return metadata.get(KEY) == manifest",
        "return KEY in metadata",
        "test_a_run_is_resumed_only_if_it_is_equal",
    ),
    _mutant(
        "the scale of the batch is taken by part",
        "plan",
        "return options.get(option, default) == whole",
        "return default == whole",
        "test_what_compares_the_batch_is_known",
    ),
    _mutant(
        "the rows of a second row group start again",
        "sources",
        "        first += rows",
        "        first += 0",
        "test_row_groups_are_counted_on",
    ),
    _mutant(
        "excluded trajectories count as members",
        "credit_pass",
        "size = np.bincount(dense[valid], minlength=groups)",
        "size = np.bincount(dense, minlength=groups)",
        FILES,
    ),
    _mutant(
        "a turn meets itself",
        "credit_pass",
        "[often[which.reshape(-1)] > 1]",
        "[often[which.reshape(-1)] > 0]",
        FILES,
    ),
    _mutant(
        "a constant group is one of any size",
        "credit_pass",
        "return size, (size > 1) & (low == high)",
        "return size, low == high",
        FILES,
    ),
    _mutant(
        "turns behind the last one are written",
        "credit_pass",
        'real = torch.arange(shape[1], device="cpu") < count[:, None]\n    return values',
        'real = torch.arange(shape[1], device="cpu") <= count[:, None]\n    return values',
        FILES,
    ),
    _mutant(
        "the first group with credit of 0 is written",
        "credit_pass",
        "told[dense[values.to_numpy() != 0]] = True",
        "told[dense[values.to_numpy() >= 0]] = True",
        CONSTANT,
    ),
    _mutant(
        "rows of an output follow the credit, not the file",
        "sidecar",
        'index[credit["index"].to_numpy()] = np.arange(credit.num_rows)',
        "index[: credit.num_rows] = np.arange(credit.num_rows)",
        BAD,
    ),
    _mutant(
        "the copy of a trajectory is kept instead of the first",
        "tasks",
        "return [Credited(counts, lost + len(doubled), doubled[:5], types), *found]",
        "return [Credited(counts, lost - len(doubled), doubled[:5], types), *found]",
        BAD,
    ),
    Mutant(
        "an unscored row earns its 0",
        "rollouts/arrow_values.py",
        "found = column.cast(arrow.float64(), safe=False).to_numpy(zero_copy_only=False)\n    nan",
        "found = np.nan_to_num(column.cast(arrow.float64(), safe=False).to_numpy(zero_copy_only="
        "False))\n    nan",
        "credit",
        by_hand("rollouts/crediting/test_credit_by_hand.py", FILES),
    ),
    _mutant(
        "turns are counted one row too far",
        "bucket_tensors",
        'found["length"] = found["turn_length"].sum(dim=1)',
        'found["length"] = found["turn_count"]',
        LENGTHS,
    ),
    _mutant(
        "a stated length of a file of columns is not read",
        "parquet_scan",
        'if "length" in wanted and stated:',
        'if "length" in wanted and not stated:',
        LENGTHS,
    ),
    _mutant(
        "token ids are not read where no length is stated",
        "parquet_columns",
        "found.has_null_count and not found.null_count\n    return False",
        "found.has_null_count and not found.null_count\n    return True",
        LENGTHS,
    ),
    _mutant(
        "a length of lines is that of the first turn",
        "turn_columns",
        'return wanted | ({"turn_length"} if "length" in wanted and not stated else set())',
        "return wanted",
        LENGTHS,
    ),
    _mutant(
        "every broken line is called the first",
        "row_lines",
        'str(error).replace(f"{path} line 1", place)',
        "str(error)",
        BAD,
    ),
    _mutant(
        "rows of a second chunk start again",
        "scan",
        "numbers, reading.needs, reading.skip_bad, done)",
        "numbers, reading.needs, reading.skip_bad, 1)",
        BAD,
    ),
    Mutant(
        "a row that holds no trajectory loses its place",
        "rollouts/crediting/conversion.py",
        "np.setdiff1d(np.arange(rows.start, rows.stop), own)",
        "np.setdiff1d(np.arange(rows.stop, rows.stop), own)",
        "credit",
        by_hand(
            "rollouts/crediting/test_credit_by_hand.py",
            "test_a_session_of_two_rows_is_one_trajectory_at_its_last_row",
        ),
    ),
    Mutant(
        "a key that one piece lacks is kept in the others",
        "rollouts/crediting/parts.py",
        "has = facts.has - partial",
        "has = facts.has",
        "credit",
        by_hand(
            "rollouts/crediting/test_credit_parts.py",
            "test_a_key_that_a_piece_lacks_is_left_out_for_all",
        ),
    ),
    Mutant(
        "rows of a step that lie apart are converted in pieces",
        "rollouts/crediting/conversion.py",
        "torn[0] |= key in seen",
        "torn[0] |= key not in seen and key in seen",
        "credit",
        by_hand(
            "rollouts/crediting/test_credit_by_hand.py",
            "test_rows_of_a_step_that_lie_apart_are_seen",
        ),
    ),
]
