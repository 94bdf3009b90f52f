"""Write the rollouts that the package ships: `python -m examples.textworld.shipped_rollouts`.

`creditlib demo` shows them where this folder is not installed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from creditlib.rollouts import read, write
from examples.textworld.paired_runs import run

__all__ = ["SHIPPED"]

SHIPPED = Path(__file__).parents[2] / "creditlib" / "cli" / "textworld_rollouts.jsonl"


def main() -> None:
    """Run a short demo and keep the group of rollouts that it explains."""
    with tempfile.TemporaryDirectory() as folder:
        result = run(seeds=2, updates=40, out=Path(folder) / "rollouts.jsonl")
        lines = read(result.out).trajectories
        write(SHIPPED, [line for line in lines if line["group"] == result.group])


if __name__ == "__main__":
    main()
