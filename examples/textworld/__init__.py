"""A training run on real text games with creditlib's credit: `creditlib demo` runs it."""

from __future__ import annotations

from examples.textworld.paired_runs import Result, run

__all__ = ["Result", "run"]
