"""Run every law on every function with thousands of batches: what `make nightly` does.

`python tests/nightly_laws.py --examples 5000` prints the number of batches of each function, and
the counterexample of each law that is broken and not declared broken.
"""

import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Annotated

import torch
import typer
from rich.progress import track
from test_laws_of_estimators import SUBJECTS

from creditlib.testing import LAWS
from creditlib.testing.engine.declarations import declared
from creditlib.testing.engine.runner import run_law

SEARCHED = 100  # batches of hypothesis, which is slower and prefers small and odd values


def laws_kept_by(name):
    """The laws that a function must keep."""
    subject = SUBJECTS[name]
    broken = declared(subject)
    return [law for law in LAWS.values() if law.applies(subject) and law.name not in broken]


def run(name, examples):
    """Run the laws of one function: the number of batches, and the first failure or ""."""
    torch.set_num_threads(1)
    total = 0
    for law in laws_kept_by(name):
        more = max(examples - SEARCHED, 0)
        verdict = run_law(
            law, SUBJECTS[name], examples=min(examples, SEARCHED), random_examples=more
        )
        total += verdict.examples
        if verdict.state != "kept":
            text = f"{name}: {law.name} is {verdict.state}: {verdict.sentence}\n{verdict.code}"
            return total, text
    return total, ""


def main(
    examples: Annotated[int, typer.Option(help="Batches for each law and function.")] = 5000,
    workers: Annotated[int, typer.Option(help="Processes.")] = 2,
    only: Annotated[list[str] | None, typer.Option(help="Functions; all by default.")] = None,
) -> None:
    """Run every law on every function; exit with 1 if one is broken and not declared broken."""
    start = time.monotonic()
    names = only or list(SUBJECTS)
    results: list[tuple[int, str]] = []
    with ProcessPoolExecutor(workers) as pool:
        jobs = {pool.submit(run, name, examples): name for name in names}
        for job in track(as_completed(jobs), "laws", len(jobs)):
            results.append(job.result())
            total, failure = results[-1]
            typer.echo(failure or f"{jobs[job]}: {total:,} batches, every law kept", err=True)
    pairs = sum(len(laws_kept_by(name)) for name in names)
    minutes = (time.monotonic() - start) / 60
    typer.echo(
        f"{len(names)} functions, {pairs} pairs of law and function, "
        f"{sum(total for total, _ in results):,} batches, {minutes:.1f} minutes."
    )
    if any(failure for _, failure in results):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
