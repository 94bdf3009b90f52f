"""Faults of rows: copies, lost rewards, masks, tokens that are not trained, turn ids, columns."""

from mutants.mutants_machine import Mutant, by_hand

_CASES = "rows/test_rows_reported_cases.py"

MUTANTS = [
    Mutant(
        "rows with other rewards are taken for copies",
        "rows/copies.py",
        "        if not same_value(reward[first], reward[second]):\n",
        "        if False:\n",
        "read_rows",
        by_hand(_CASES, "test_two_agents_at_one_step_are_no_copies"),
    ),
    Mutant(
        "the last of several rewards is taken without a word",
        "rows/outcomes.py",
        "    if other is None:\n",
        "    if True:\n",
        "read_rows",
        by_hand(_CASES, "test_leaves_with_other_rewards_are_refused_until_a_rule_is_named"),
    ),
    Mutant(
        "the sum of rewards is that of the last row",
        "rows/outcomes.py",
        "        return math.fsum(reward[row] for row in counted)\n",
        "        return reward[counted[-1]]\n",
        "read_rows",
        by_hand("rows/test_outcomes.py", "test_every_rule_by_hand"),
    ),
    Mutant(
        "a row that is left out takes the outcome along",
        "rows/outcomes.py",
        "            if row not in out or (reward[row] == reward[row] and"
        " (reward[row] != 0 or not scored))\n",
        "            if row not in out\n",
        "read_rows",
        by_hand(_CASES, "test_leaving_out_the_row_with_the_outcome_leaves_a_success"),
    ),
    Mutant(
        "labels are a mask",
        "rows/masks.py",
        "        return int(unsigned.max()) <= 1\n",
        "        return True\n",
        "read_rows",
        by_hand(_CASES, "test_labels_are_no_mask"),
    ),
    Mutant(
        "a token that is not trained is no step",
        "rows/read.py",
        '    tokens = {"turn": written}\n',
        '    tokens = {"turn": turns}\n',
        "read_rows",
        by_hand(_CASES, "test_a_token_taken_out_of_the_loss_is_still_a_step"),
    ),
    Mutant(
        "tokens that are not trained get credit",
        "rows/credit.py",
        '        return x if rows.turn is rows.tokens["turn"] else x.where(rows.turn >= 0, 0.0)\n',
        "        return x\n",
        "read_rows",
        by_hand(_CASES, "test_a_token_taken_out_of_the_loss_is_still_a_step"),
    ),
    Mutant(
        "whitening counts tokens that are not trained",
        "rows/credit.py",
        "    trained = (rows.turn if whole else rows.turn[first]) >= 0\n",
        '    trained = tokens["turn"] >= 0\n',
        "read_rows",
        by_hand("rows/test_credit.py", "test_whitening_counts_trained_tokens"),
    ),
    Mutant(
        "turn ids are read as a mask",
        "rows/masks.py",
        "        run = ids if several else written.to(torch.int8) - 1\n",
        "        run = turns_from_mask(written)\n",
        "read_rows",
        by_hand("rows/test_turn_ids.py", "test_a_turn_without_tokens_has_its_values"),
    ),
    Mutant(
        "a misspelt column is dropped",
        "rows/columns.py",
        "        if name not in known:\n",
        "        if False:\n",
        "read_rows",
        by_hand(_CASES, "test_a_misspelt_column_is_not_dropped"),
    ),
    Mutant(
        "whitening comes after the weight",
        "rows/normalize.py",
        "    if weight is not None:\n"
        "        credit = weight * (credit[:, None] if credit.ndim == 1 else credit)\n"
        "    return credit\n",
        "    if weight is not None and length is not None:\n"
        "        credit = weight * credit[:, None]\n"
        "        return whiten(credit, length[:, None].expand(credit.shape))\n"
        "    return credit\n",
        "read_rows",
        by_hand("rows/test_normalize.py", "test_two_values_by_hand"),
    ),
    Mutant(
        "an array of objects is one observation",
        "rows/column_values.py",
        "        items = list(array) if array.ndim > 1 else np.atleast_1d(array).tolist()\n",
        "        items = [array]\n",
        "read_rows",
        by_hand(_CASES, "test_rows_with_equally_many_turns_are_a_table_to_numpy"),
    ),
    Mutant(
        "rows without a trajectory are one trajectory",
        "rows/keys.py",
        "        if key is None or key != key:\n",
        "        if False:\n",
        "read_rows",
        by_hand(_CASES, "test_a_missing_group_is_no_group_of_everybody"),
    ),
]
