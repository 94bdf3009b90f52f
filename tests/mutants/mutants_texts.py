"""Faults of bounds, by which texts are not compared, and of keys that are encoded together."""

from mutants.mutants_machine import Mutant, by_hand

ALL_PAIRS = by_hand(
    "inputs/test_similarity.py", "test_classes_equal_those_of_all_pairs_near_the_threshold"
)

MUTANTS = [
    Mutant(
        "characters that only one text has count twice",
        "inputs/text_bounds.py",
        "        total += part\n",
        "        total += part + part\n",
        "anchor_ids",
        ALL_PAIRS,
    ),
    Mutant(
        "half of what may differ between two texts is allowed",
        "inputs/text_bounds.py",
        "share = (1 - similarity) * lengths",
        "share = (1 - similarity) / 2 * lengths",
        "anchor_ids",
        ALL_PAIRS,
    ),
    Mutant(
        "windows have equal lengths where the texts have not",
        "inputs/similarity.py",
        "middles = [text[front : len(text) - behind] for text in self.texts[i:]]",
        "middles = [text[front : len(self.texts[i]) - behind] for text in self.texts[i:]]",
        "anchor_ids",
        by_hand("inputs/test_similarity.py", "test_a_text_with_more_at_one_end_is_similar"),
    ),
    Mutant(
        "a text is compared with texts that are at most as long",
        "inputs/text_bounds.py",
        'np.searchsorted(lengths, longest, "right")',
        'np.searchsorted(lengths, lengths, "right")',
        "anchor_ids",
        ALL_PAIRS,
    ),
    Mutant(
        "texts that hold the separator are cut at it",
        "inputs/key_columns.py",
        'if joined.count("\\0") == len(texts) - 1:',
        "if joined:",
        "ids",
        by_hand(
            "inputs/test_key_columns.py", "test_texts_that_hold_what_separates_texts_are_not_cut"
        ),
    ),
    Mutant(
        "True and 1 at one place of tuples are one key",
        "inputs/key_columns.py",
        'return all(_only_kind(cast("Sequence[Any]", column)) in _SINGLE for column in columns)',
        'return all(type(cast("Any", column)[0]) in _SINGLE for column in columns)',
        "ids",
        by_hand(
            "inputs/test_key_columns.py",
            "test_columns_of_several_kinds_are_left_to_the_definition",
        ),
    ),
]
