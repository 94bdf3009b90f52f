"""Faults of the readers of rollout files: what counts as a number, a token, a turn, a key."""

from mutants.mutants_machine import Mutant, by_hand


def _mutant(wrong: str, module: str, old: str, new: str, test: str) -> Mutant:
    return Mutant(wrong, module, old, new, "read", by_hand("rollouts/test_rules_by_hand.py", test))


TOKENS = "test_a_length_counts_tokens"
OUTCOMES = "test_null_nan_and_flags"
TURNS = "test_numbers_of_turns"
JSON = "test_an_array_of_objects_and_equal_keys"
KEYS = "test_unknown_keys_are_noted"
CHAT = "test_a_conversation"

MUTANTS = [
    # lengths
    _mutant(
        "the length of a list counts whatever lies in it",
        "rollouts/token_lists.py",
        "    return isinstance(values, (list, tuple)) and all(",
        "    return isinstance(values, (list, tuple)) or all(",
        TOKENS,
    ),
    _mutant(
        "the rows of a two-dimensional array are counted as tokens",
        "rollouts/token_lists.py",
        "            return ids.ndim == 1\n",
        "            return True\n",
        TOKENS,
    ),
    _mutant(
        "flags among token ids are tokens",
        "rollouts/token_lists.py",
        "<= 1)",
        "< 0)",
        TOKENS,
    ),
    _mutant(
        "labels with -100 are tokens",
        "rollouts/values.py",
        "    return bool(0 <= value < MOST)",
        "    return bool(value < MOST)",
        TOKENS,
    ),
    # null, NaN and flags
    _mutant(
        "NaN is an outcome of 0",
        "rollouts/values.py",
        "isinstance(plain, float) and plain != plain):\n        return None\n",
        "isinstance(plain, float) and plain != plain):\n        return plain and 0.0\n",
        OUTCOMES,
    ),
    _mutant(
        "false is no outcome",
        "rollouts/values.py",
        "        return float(plain)\n    if is_number",
        "        return float(plain) or None\n    if is_number",
        OUTCOMES,
    ),
    _mutant(
        "a probability may be larger than 1",
        "rollouts/turns.py",
        "number.low <= found.min() and found.max() <= number.high",
        "number.low <= found.min()",
        TURNS,
    ),
    _mutant(
        "true is a time of one second",
        "rollouts/turns.py",
        "number.limits, number.flag)",
        "number.limits)",
        TURNS,
    ),
    _mutant(
        "a time may be negative",
        "rollouts/values.py",
        "limits[0] <= plain <= limits[1]",
        "plain <= limits[1]",
        TURNS,
    ),
    _mutant(
        "a NaN in place of an observation is a state",
        "rollouts/trajectories.py",
        "    seen = [[_or_none(turn.get(key)) for",
        "    seen = [[turn.get(key) for",
        TURNS,
    ),
    _mutant(
        "a missing objective is a reward of 0",
        "rollouts/trajectories.py",
        'float("nan") if number is None else number',
        "0.0 if number is None else number",
        "test_a_missing_objective_is_nan",
    ),
    # JSON and Parquet
    _mutant(
        "the last of two equal keys is taken",
        "rollouts/json_files.py",
        "    if len(found) != len(pairs):\n",
        "    if len(found) > len(pairs):\n",
        JSON,
    ),
    _mutant(
        "a null turn is a turn",
        "rollouts/parquet_files.py",
        "    if flat.null_count:",
        "    if flat.null_count > len(flat):",
        "test_a_null_turn_is_no_turn_without_keys",
    ),
    _mutant(
        "the first item of an array is item 0",
        "rollouts/json_files.py",
        "    number = 0\n",
        "    number = -1\n",
        JSON,
    ),
    _mutant(
        "a byte is counted from the start of its line",
        "rollouts/json_files.py",
        "        offset += len(line)\n",
        "        offset += 0\n",
        JSON,
    ),
    # keys that nobody reads
    _mutant(
        "a key that is null counts as one that nobody reads",
        "rollouts/schema.py",
        "sum(row.get(key) is not None for row in rows)",
        "sum(key in row for row in rows)",
        KEYS,
    ),
    _mutant(
        "keys that nobody reads are not noted",
        "rollouts/trajectories.py",
        "(*notes, note) if note else tuple(notes)",
        "tuple(notes)",
        KEYS,
    ),
    _mutant(
        "what an estimator lacks is named without the key of the file",
        "report/credit_columns.py",
        "for key in dict.fromkeys(near) if key)",
        "for key in dict.fromkeys(near) if not key)",
        KEYS,
    ),
    _mutant(
        "columns that nobody reads are not noted",
        "rollouts/trl.py",
        "return [*notes, *unread_of(facts, read, read)]",
        "return notes",
        "test_unread_columns_of_trl_and_of_verl_are_noted",
    ),
    # conversations
    _mutant(
        "every turn sees all that was said before",
        "rollouts/conversation.py",
        '            turns.append({"observation": "\\n".join(seen) if seen else None})\n',
        '            turns.append({"observation": "\\n".join([*seen, *map(str, turns)])})\n',
        CHAT,
    ),
    _mutant(
        "the first message of the prompt is the first observation",
        "rollouts/conversation.py",
        "_content(*found[-1])",
        "_content(*found[0])",
        CHAT,
    ),
    _mutant(
        "calls of tools are not part of a turn",
        "rollouts/conversation.py",
        "(*thought, _content(message, place), *calls)",
        "(*thought, _content(message, place))",
        CHAT,
    ),
    _mutant(
        "names that Parquet fills with null are arguments of a call",
        "rollouts/conversation.py",
        "for key, item in pairs if item is not None}",
        "for key, item in pairs}",
        CHAT,
    ),
]
