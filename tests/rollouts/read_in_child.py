"""Reads a file and prints its size and by how many bytes the memory of the process grew."""

import resource
import sys
from pathlib import Path

from creditlib import rollouts

SMALL = {"group": 1, "outcome": 1.0, "turns": [{"tokens": [1], "reward": 1.0, "observation": "x"}]}


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    rollouts.from_trajectories([SMALL])  # what is imported and compiled only once
    before = peak()
    found = rollouts.read(sys.argv[1])
    print(Path(sys.argv[1]).stat().st_size, peak() - before, len(found.trajectories))
