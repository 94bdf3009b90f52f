"""The environment of a process in which kernels are compiled, not interpreted."""

import os
from pathlib import Path

TESTS = Path(__file__).parents[1]


def environment(*folders):
    """Without TRITON_INTERPRET; what is imported comes from these folders and this repository."""
    kept = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    path = [*folders, TESTS.parent, TESTS, kept.get("PYTHONPATH")]
    return {**kept, "PYTHONPATH": os.pathsep.join(str(each) for each in path if each)}
