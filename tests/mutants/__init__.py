"""Faults of our own estimators, by theme; see tests/test_mutants.py."""

from mutants import (
    mutants_calls,
    mutants_center,
    mutants_ends,
    mutants_gains,
    mutants_groups,
    mutants_ids,
    mutants_min_form,
    mutants_options,
    mutants_scale,
    mutants_tokens,
    mutants_turns,
    mutants_weights,
)

_MODULES = (
    mutants_groups,
    mutants_ids,
    mutants_center,
    mutants_scale,
    mutants_calls,
    mutants_options,
    mutants_tokens,
    mutants_ends,
    mutants_turns,
    mutants_gains,
    mutants_min_form,
    mutants_weights,
)
MUTANTS = [mutant for module in _MODULES for mutant in module.MUTANTS]
