"""Faults of reading Parquet as columns: rows that move, values of the wrong turn, lost notes."""

from mutants.mutants_machine import Mutant, by_hand


def _mutant(wrong: str, module: str, old: str, new: str, test: str) -> Mutant:
    killer = by_hand("rollouts/test_columns_by_hand.py", test)
    return Mutant(wrong, f"rollouts/{module}.py", old, new, "read", killer)


TWO = "test_every_tensor_of_two_rows"

MUTANTS = [
    _mutant(
        "an outcome of null takes part",
        "column_tensors",
        "        valid = ~outcome.isnan()\n",
        "        valid = outcome == outcome.nan_to_num()\n        valid |= ~valid\n",
        TWO,
    ),
    _mutant(
        "the rewards of objectives change places",
        "column_tensors",
        "reshape(-1, size)",
        "reshape(-1, size)[:, ::-1]",
        TWO,
    ),
    _mutant(
        "a batch's actions are its observations",
        "column_turns",
        'self.action.add(given.get("action"), rows)',
        'self.action.add(given.get("observation"), rows)',
        TWO,
    ),
    _mutant(
        "null has the id of the last value",
        "column_ids",
        "coded.indices.fill_null(len(distinct))",
        "coded.indices.fill_null(len(distinct) - 1)",
        TWO,
    ),
    _mutant(
        "the largest id of int32 takes eight bytes",
        "column_turns",
        'limits["max"] > _LARGEST_ID',
        'limits["max"] > _LARGEST_ID - 1',
        "test_token_ids_of_the_largest_size_are_held_in_four_bytes",
    ),
    _mutant(
        "an observation of JSON is its text",
        "column_turns",
        "self.observation.add(given[_JSON], rows, json_value)",
        "self.observation.add(given[_JSON], rows)",
        "test_observations_of_two_files_meet",
    ),
    _mutant(
        "every row of a batch is its first one",
        "column_rows",
        "row - (self._ends[number] - self._batches[number].size)",
        "0",
        "test_slices_steps_and_negative_rows",
    ),
    _mutant(
        "places count from the start of each batch",
        "column_rows",
        'f"{self.path} row {self.first + index}"',
        'f"{self.path} row {1 + index}"',
        "test_places_count_through_batches",
    ),
    _mutant(
        "tokens of a later row are those of the first",
        "parquet_files",
        "    whole = compute.list_flatten(array)  # of a slice, only what is its own\n",
        "    whole = array.values\n",
        "test_a_row_in_the_middle_of_a_batch_has_its_own_tokens",
    ),
    _mutant(
        "an empty file is passed over in silence",
        "column_reading",
        "        if first == 1:\n",
        "        if first == 0:\n",
        "test_an_empty_file_is_noted",
    ),
    _mutant(
        "unknown keys stand in the order of the columns",
        "column_turns",
        "(self._turns + first, at)",
        "(at, at)",
        "test_unknown_keys_are_noted_in_the_order_of_their_values",
    ),
    _mutant(
        "what a compressed file holds ends early",
        "compressed",
        "        buffer[: len(data)] = data\n        self._position += len(data)\n",
        "        data = data[:1000]\n        buffer[: len(data)] = data\n",
        "test_compressed_lines_come_by_standard_input",
    ),
    _mutant(
        "standard input that is compressed is text",
        "disk",
        "            yield decompressed(path, copy)\n",
        "            yield copy\n",
        "test_compressed_lines_come_by_standard_input",
    ),
    _mutant(
        "step 10 comes before step 9",
        "paths",
        '(int(part), "") if part.isdecimal() else (0, part)',
        "(0, part)",
        "test_a_pattern_is_in_the_order_of_numbers",
    ),
    _mutant(
        "a group of numpy stays what it is",
        "normal_rows",
        "        group = plain_value(group)\n",
        "        group = str(group)\n",
        "test_an_integer_of_numpy_is_a_group",
    ),
]
