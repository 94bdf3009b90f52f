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
        "ops/turn_maps/reference.py",
        "    return bool((low >= 0) & (high <= 1))\n",
        "    return True\n",
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
        "    turn = rows.turn if whole else rows.turn[first]\n",
        '    turn = tokens["turn"]\n',
        "read_rows",
        by_hand("rows/test_credit.py", "test_whitening_counts_trained_tokens"),
    ),
    Mutant(
        "turn ids are read as a mask",
        "rows/masks.py",
        "        written = map_of_ids(given)\n",
        "        written = map_runs(given >= 0)\n",
        "read_rows",
        by_hand("rows/test_turn_ids.py", "test_a_turn_without_tokens_has_its_values"),
    ),
    Mutant(
        "a token that is not trained counts in a turn's length",
        "ops/turn_maps/reference.py",
        "    found = _mapped(turn.where(trained, -1), fits)\n",
        "    found = _mapped(turn, fits)\n",
        "read_rows",
        by_hand("rows/test_row_masks.py", "test_the_planes_of_a_token_that_is_not_trained"),
    ),
    Mutant(
        "a trained token that the policy did not write is taken",
        "ops/turn_maps/reference.py",
        "not bool((trained & (turn < 0)).any())",
        "not bool((trained & (turn < -1)).any())",
        "read_rows",
        by_hand("rows/test_row_masks.py", "test_a_trained_token_that_nobody_wrote_is_refused"),
    ),
    Mutant(
        "rows that take no part keep their turns",
        "ops/turn_maps/reference.py",
        "torch.where((turn >= 0) & taken[:, None],",
        "torch.where(turn >= 0,",
        "read_rows",
        by_hand("rows/test_read.py", "test_rows_that_take_no_part_have_no_turn"),
    ),
    Mutant(
        "the turns of a later row begin at 0",
        "ops/turn_maps/reference.py",
        "turn + base[:, None], -1)",
        "turn, -1)",
        "read_rows",
        by_hand("rows/test_read.py", "test_turns_of_later_rows_follow_in_the_smallest_dtype"),
    ),
    Mutant(
        "a reward on the output of a tool is lost",
        "ops/turn_maps/reference.py",
        "x.masked_fill(x.isnan() & (turn < 0), 0.0)",
        "x.masked_fill(turn < 0, 0.0)",
        "read_rows",
        by_hand(
            "rows/test_columns.py", "test_a_reward_on_tool_output_counts_for_the_turn_before_it"
        ),
    ),
    Mutant(
        "numbers for the logger are computed where nobody logs",
        "integrations/verl/batch.py",
        "    return credit\n",
        "    _ = credit.metrics\n    return credit\n",
        "read_rows",
        by_hand("integrations/test_verl_batch.py", "test_numbers_wait_until_verl_logs"),
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
