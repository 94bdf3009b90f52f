"""Faults of hostile files: what no reader may take, and where a sentence says it was found."""

from mutants.mutants_machine import Mutant, by_hand


def _mutant(wrong: str, module: str, old: str, new: str, test: str) -> Mutant:
    killer = by_hand("rollouts/test_readers_by_hand.py", test)
    return Mutant(wrong, module, old, new, "read", killer)


PACKED = "test_tokens_are_packed_and_nothing_else"
PLACES = "test_a_sentence_names_the_row_and_the_turn"
SUMS = "test_a_sum_of_tokens_fits_int64"
KINDS = "test_another_kind_of_file_is_named"
SCREEN = "test_a_sentence_is_clean"

MUTANTS = [
    _mutant(
        "flags are packed as token ids",
        "rollouts/packing.py",
        "if not {int}.issuperset(map(type, values)):",
        "if not {int, bool}.issuperset(map(type, values)):",
        PACKED,
    ),
    _mutant(
        "labels with -100 are packed as token ids",
        "rollouts/packing.py",
        "    return ids if ids.min(initial=0) >= 0 else values",
        "    return abs(ids)",
        PACKED,
    ),
    _mutant(
        "an id above int32 wraps around",
        "rollouts/packing.py",
        "ids.max() <= _LARGEST_ID",
        "ids.max() >= 0",
        PACKED,
    ),
    _mutant(
        "each batch of a Parquet file counts its rows from the start",
        "rollouts/parquet_files.py",
        "        first += batch.num_rows\n",
        "        first += 0\n",
        PLACES,
    ),
    _mutant(
        "an observation is named with the row of another one",
        "rollouts/parquet_files.py",
        "row = bisect_right(ends, index)",
        "row = min(index, len(ends) - 1)",
        PLACES,
    ),
    _mutant(
        "a value that Python lacks is named with the first row",
        "rollouts/parquet_files.py",
        "cause, row = own, first + index",
        "cause, row = own, first",
        PLACES,
    ),
    _mutant(
        "an error of a format is named with the last row that has it",
        "rollouts/row_errors.py",
        "                break\n",
        "                continue\n",
        PLACES,
    ),
    _mutant(
        "the sum of the tokens of a trajectory wraps around",
        "rollouts/turns.py",
        "        if total >= MOST:\n",
        "        if total < 0:\n",
        SUMS,
    ),
    _mutant(
        "tokens are summed over the batch",
        "rollouts/turns.py",
        "        start += count\n        if total",
        "        if total",
        SUMS,
    ),
    _mutant(
        "a compressed file is text that is not UTF-8",
        "rollouts/json_files.py",
        "        if head.startswith(magic):\n",
        "        if head == magic:\n",
        KINDS,
    ),
    _mutant(
        "UTF-16 without a mark is text that is no JSON",
        "rollouts/json_files.py",
        "(head[0] == 0) != (head[1] == 0)",
        "head[0] == head[1] == 0",
        KINDS,
    ),
    _mutant(
        "a part of 5,000 digits of a uid is a number",
        "rollouts/verl.py",
        "text.isdecimal() and len(text) < 19",
        "text.isdecimal()",
        KINDS,
    ),
    _mutant(
        "a refusal reaches the terminal as it is",
        "cli/app.py",
        "    return one_line(error)\n",
        "    return str(error)\n",
        SCREEN,
    ),
    _mutant(
        "the name of a missing file reaches the terminal as it is",
        "cli/app.py",
        'one_line(f"{error.strerror}: {error.filename}.")',
        'f"{error.strerror}: {error.filename}."',
        SCREEN,
    ),
    _mutant(
        "a wrong command line reaches the terminal as it is",
        "vocabulary/messages.py",
        'if c.isprintable() or c == "\\n" else',
        "if c else",
        SCREEN,
    ),
    Mutant(
        "the count of an excluded row is refused",
        "shaping/outcome.py",
        "turn_count if valid is None or not can_read_values(turn_count) else turn_count[valid]",
        "turn_count",
        "outcome_at_last_turn",
        by_hand("rollouts/test_readers_by_hand.py", "test_a_count_of_an_excluded_row"),
    ),
]
