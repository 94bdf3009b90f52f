"""The project's own tests of operations and estimators, on the device and on all cores.

They compile about a thousand forms. Tests that are not reached in time are said to be left out.
"""

from __future__ import annotations

import os
import sys

from benchmarks.gpu.commands import LAST_WORDS, Command, execute
from benchmarks.gpu.context import Context

__all__ = ["command", "run"]

# An installed pytest-benchmark warns beside pytest-xdist, and warnings are errors here.
QUIET = ("-p", "no:cacheprovider", "-p", "no:benchmark")


def command(context: Context, cores: int) -> Command:
    """Pytest on all cores but two, at least one."""
    words = [sys.executable, "-m", "pytest", "-q", *QUIET, "--maxfail", "40"]
    spread = ["-n", str(max(1, cores - 2)), "--dist", "worksteal"]
    return Command(
        "pytest", (*words, *spread, *context.scale.tests), context.limit.left() - LAST_WORDS
    )


def run(context: Context) -> None:
    """Run them; failures are a problem, tests that were not reached are not."""
    done = execute(context, command(context, os.cpu_count() or 1))
    failed = [line for line in done.lines if line.startswith(("FAILED", "ERROR"))]
    for line in failed:
        context.problem("pytest", line)
    if done.code and not failed:
        context.problem("pytest", f"ended with code {done.code}")
