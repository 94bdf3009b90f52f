"""Reads a file and prints its size and by how many bytes the memory of the process grew."""

import re
import resource
import sys
import tempfile
from pathlib import Path

from creditlib import rollouts

SMALL = {"group": 1, "outcome": 1.0, "turns": [{"tokens": [1], "reward": 1.0, "observation": "x"}]}


def peak():
    """The largest memory so far; `ru_maxrss` is at least that of the process that started it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return int(re.search(r"VmHWM:\s*(\d+) kB", status.read_text())[1]) * 1024


if __name__ == "__main__":
    path = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:  # what is imported and compiled only once
        small = Path(folder) / f"x{path.suffix}"
        rollouts.write(small, [SMALL] * 100)
        rollouts.read(small)
    before = peak()
    found = rollouts.read(path)
    print(path.stat().st_size, peak() - before, len(found.trajectories))
