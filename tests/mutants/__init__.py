"""Faults of our own code, by theme; see tests/test_mutants.py. A new theme is one file here."""

import importlib
from pathlib import Path

_FILES = sorted(Path(__file__).parent.glob("mutants_*.py"))
_MODULES = [
    importlib.import_module(f"mutants.{path.stem}")
    for path in _FILES
    if path.stem != "mutants_machine"
]
MUTANTS = [mutant for module in _MODULES for mutant in module.MUTANTS]
