"""Thousands of random batches of every function against exact numbers: part of `make nightly`.

`python tests/nightly_fuzz.py --batches 3000` prints the number of batches and the largest error of
each function and backend, and the first wrong call.
"""

import time
from concurrent.futures import ProcessPoolExecutor
from typing import Annotated

import torch
import typer
from fuzz.compare import FUNCTIONS, fuzz

from creditlib.vocabulary.backends import INSTALLED


def run(name, backend, batches):
    """The line of one function and backend, and whether all its numbers are right."""
    torch.set_num_threads(1)
    finding = fuzz(name, backend, range(batches))
    if finding.wrong:
        return f"{name}: {backend}: WRONG: {finding.wrong}", False
    worst = ", ".join(
        f"{str(dtype).removeprefix('torch.')} {error:.1e}"
        for dtype, error in sorted(finding.errors.items(), key=str)
    )
    return f"{name}: {batches:,} batches, worst error {worst}, {backend}", True


def main(
    batches: Annotated[int, typer.Option(help="Batches for each function and backend.")] = 3000,
    workers: Annotated[int, typer.Option(help="Processes.")] = 2,
    only: Annotated[list[str] | None, typer.Option(help="Functions; all by default.")] = None,
) -> None:
    """Compare every function with exact numbers; exit with 1 if one is wrong."""
    start, right = time.monotonic(), True
    backends = ["torch", *(["numba"] if INSTALLED["numba"] else [])]
    pairs = [(name, backend) for name in only or FUNCTIONS for backend in backends]
    with ProcessPoolExecutor(workers) as pool:
        jobs = [pool.submit(run, name, backend, batches) for name, backend in pairs]
        for job in jobs:
            line, kept = job.result()
            right = right and kept
            typer.echo(line)
    minutes = (time.monotonic() - start) / 60
    typer.echo(f"{len(pairs)} pairs, {len(pairs) * batches:,} batches, {minutes:.1f} minutes.")
    if not right:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
