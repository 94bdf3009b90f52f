"""A training run on real text games with the library's own credit: `creditlib demo`."""

from __future__ import annotations

from creditlib.demo.paired_runs import Result, run

__all__ = ["Result", "run"]
