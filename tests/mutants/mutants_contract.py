"""Faults of the contract: what a call lets pass, and what it takes that it has to convert."""

from mutants.mutants_machine import Mutant, by_hand


def wrong_call(case: str) -> str:
    """The killer that expects one refusal."""
    return by_hand(
        "vocabulary/test_wrong_calls.py", f"test_a_wrong_call_is_refused_in_one_sentence[{case}]"
    )


def by_registry(test: str) -> str:
    """The killer that calls through `apply`."""
    return by_hand("test_registry.py", test)


MUTANTS = [
    # Turn ids
    Mutant(
        "a 0/1 mask passes for a map of turns",
        "inputs/turn_order.py",
        "back = (follows & (turn < previous)).nonzero()",
        "back = (follows & (turn < previous) & False).nonzero()",
        "to_tokens",
        wrong_call("a mask for a map"),
    ),
    Mutant(
        "trajectory credit is spread by a map that nobody looks at",
        "ops/tokens/reference.py",
        '        refuse_unordered_turns("to_tokens", turn, offsets)\n        result',
        "        result",
        "to_tokens",
        wrong_call("a mask for a map of trajectory credit"),
    ),
    Mutant(
        "ids may go back across the end of a packed row only if they do not",
        "inputs/turn_order.py",
        "follows = follows & (row[before] == row)",
        "follows = follows & (row[before] >= 0)",
        "to_tokens",
        by_hand(
            "ops/tokens/test_tokens.py",
            "test_a_packed_row_may_begin_with_a_lower_turn_than_the_row_before_it_ends",
        ),
    ),
    Mutant(
        "a run of a packed mask goes on in the next row",
        "vocabulary/conversions.py",
        "run = torch.cumsum(mask & (~before | (position == start)), 0)",
        "run = torch.cumsum(mask & ~before, 0)",
        "to_tokens",
        by_hand("vocabulary/test_contract.py", "test_a_run_of_a_packed_mask_ends_with_its_row"),
    ),
    # Names
    Mutant(
        "an unknown argument is ignored",
        "vocabulary/call_names.py",
        "unknown = [name for name in given if name not in self.every]",
        "unknown = []",
        "grpo",
        wrong_call("a misspelt tensor"),
    ),
    Mutant(
        "a near miss of an optional tensor is ignored",
        "registry.py",
        "near = difflib.get_close_matches(argument.name, others, 1, _NEAR)",
        "near = []",
        "grpo",
        wrong_call("an optional tensor in the plural in a batch"),
    ),
    Mutant(
        "a misspelt option of a third-party estimator is passed on",
        "registry.py",
        "        if name not in parameters:\n            raise unknown_argument",
        "        if name not in parameters and not name:\n            raise unknown_argument",
        "grpo",
        wrong_call("a misspelt option of a third-party estimator"),
    ),
    # Rows that take no part
    Mutant(
        "an estimator without `valid` sees the rows that are left out",
        "vocabulary/excluded_rows.py",
        "    if can_read_values(valid) and bool(valid.all()):",
        "    if True:",
        "rank",
        by_registry("test_rows_that_take_no_part_are_deleted_for_a_function_without_valid"),
    ),
    Mutant(
        "the credit of the rows that take part lands on the first rows",
        "vocabulary/excluded_rows.py",
        "whole[valid] = result",
        "whole[: len(result)] = result",
        "rank",
        by_registry("test_rows_that_take_no_part_are_deleted_for_a_function_without_valid"),
    ),
    # Ids
    Mutant(
        "an integer of numpy is another key than that of Python",
        "inputs/ids.py",
        "    if isinstance(value, _SCALARS):\n        return _encode_scalar(value)\n    return b",
        "    return b",
        "ids",
        by_hand("inputs/test_ids.py", "test_keys_that_are_equal_have_one_id"),
    ),
    Mutant(
        "rows without an id are one group",
        "inputs/ids.py",
        "    if key is None or type(key).__name__ in",
        "    if type(key).__name__ in",
        "ids",
        wrong_call("rows without a group"),
    ),
    # Values
    Mutant(
        "a value that is not finite passes",
        "vocabulary/small_values.py",
        "        return math.isfinite(x.sum().item())",
        "        return True",
        "grpo",
        wrong_call("an unscored rollout of a batch statistic"),
    ),
    Mutant(
        "an infinite duration passes",
        "vocabulary/small_values.py",
        "    return low <= least.item() and most.item() <= high  # NaN fails both",
        "    return low <= least.item()",
        "duration_weight",
        wrong_call("a job that never ended"),
    ),
    Mutant(
        "a negative count passes",
        "vocabulary/small_values.py",
        "    return low <= least.item() and most.item() <= high  # NaN fails both",
        "    return most.item() <= high",
        "gigpo",
        wrong_call("an index of the last turn of an empty row"),
    ),
    Mutant(
        "a reward whose square overflows gives 0",
        "vocabulary/small_values.py",
        '*checks, (f"below {LARGEST:g} in size", large)]',
        "*checks]",
        "grpo",
        wrong_call("an overflow"),
    ),
    Mutant(
        "padding that is not finite is refused",
        "vocabulary/small_values.py",
        "        read = read_values(argument.name, x, axes, given)\n",
        "        read = torch.ones_like(x, dtype=torch.bool)\n",
        "gigpo",
        by_hand("vocabulary/test_contract.py", "test_values_that_nobody_reads_may_be_anything"),
    ),
    Mutant(
        "integers as rewards are cut to float32",
        "vocabulary/conversions.py",
        "torch.float32 if x.dtype in _EXACT_IN_FLOAT32 else torch.float64",
        "torch.float32",
        "grpo",
        by_hand("vocabulary/test_contract.py", "test_integers_and_flags_are_rewards"),
    ),
]
