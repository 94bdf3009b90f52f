"""Faults of groups that finish at different times and of moments that add up."""

from mutants.mutants_machine import Mutant, by_hand

GROUPS = "streaming/test_streaming_groups.py"
MOMENTS = "streaming/test_streaming_moments.py"

MUTANTS = [
    Mutant(
        "a group is returned one row early",
        "streaming/groups.py",
        "if len(rows) < self.size:",
        "if len(rows) + 1 < self.size:",
        "streaming",
        by_hand(GROUPS, "test_a_group_is_returned_when_its_last_row_comes"),
    ),
    Mutant(
        "a returned group stays open",
        "streaming/groups.py",
        "return self._open.pop(key)",
        "return list(self._open[key])",
        "streaming",
        by_hand(GROUPS, "test_a_group_that_waits_is_returned_by_a_later_put"),
    ),
    Mutant(
        "dropped groups are credited",
        "streaming/groups.py",
        'enough = self.least if self.short == "credit" else self.size',
        "enough = self.least",
        "streaming",
        by_hand(GROUPS, "test_a_short_group_goes_as_the_policy_says"),
    ),
    Mutant(
        "discarded groups are counted instead of their rows",
        "streaming/groups.py",
        "sum(len(rows) for rows in groups if len(rows) < enough)",
        "sum(1 for rows in groups if len(rows) < enough)",
        "streaming",
        by_hand(GROUPS, "test_a_flush_twice_counts_once"),
    ),
    Mutant(
        "the spread between two parts is left out",
        "streaming/moments.py",
        "self.square + other.square + gap * gap * (self.count * (other.count / count)),",
        "self.square + other.square,",
        "streaming",
        by_hand(MOMENTS, "test_two_parts_by_hand"),
    ),
    Mutant(
        "the mean of two parts forgets their sizes",
        "streaming/moments.py",
        "self.mean + gap * (other.count / count),",
        "self.mean + gap * 0.5,",
        "streaming",
        by_hand(MOMENTS, "test_two_parts_by_hand"),
    ),
    Mutant(
        "whitening over flushes divides by the count",
        "streaming/moments.py",
        "self.square / (self.count - 1) if self.count > 1 else 0.0",
        "self.square / self.count if self.count > 1 else 0.0",
        "streaming",
        by_hand(MOMENTS, "test_whitening_over_flushes_is_that_of_the_batch"),
    ),
]
