"""Writes `docs/laws.md`: what each law says, and which estimator keeps it, by running them.

`python tests/laws_page.py --examples 5000` is what `make nightly` does; a test compares the page
with what the laws and the declarations say.
"""

import platform
import subprocess
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import date
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.progress import track
from test_laws_of_estimators import SUBJECTS

from creditlib.testing import LAWS
from creditlib.testing.declared import declarations_of, declared
from creditlib.testing.law import link
from creditlib.testing.running import put

SEARCHED = 100  # by hypothesis, which is slower and looks for what is small and odd
PAGE = Path(__file__).parents[1] / "docs" / "laws.md"
HEAD = """# Laws of credit

Properties that credit keeps, most of them taught by bugs that were met in the wild, to which the
links lead. `creditlib.testing` puts them to any function whose arguments are annotated; what is
drawn, and how to use it on your own estimator, is in [Testing your estimator](testing.md). Which
faults they catch is in [`tests/test_mutants.py`](../tests/test_mutants.py), what they say of
trainers' own estimators in [Conformance](conformance.md).

This page is written by `make nightly`, which runs every law on every estimator.
"""


def laws():
    """The numbered list of laws."""
    lines = ["## The laws", ""]
    for number, law in enumerate(LAWS.values(), 1):
        bugs = ", ".join(f"[{bug}]({link(bug)})" for bug in law.bugs)
        taught = f" Taught by {bugs}." if bugs else ""
        lines.append(f"{number}. **{law.name}**: {law.sentence}{taught}")
    return lines


def mark(law, subject):
    if not law.applies(subject):
        return " "
    return "×" if law.name in declared(subject) else "✓"


def table():
    """Which function keeps which law, with default options."""
    numbers = [str(number) for number in range(1, len(LAWS) + 1)]
    lines = [
        "## Who keeps which",
        "",
        "✓ kept, × broken by design (reasons below), blank: the law says nothing of the",
        "function. Default options.",
        "",
        f"| function | {' | '.join(numbers)} |",
        "|---|" + "---|" * len(LAWS),
    ]
    for name, subject in SUBJECTS.items():
        marks = " | ".join(mark(law, subject) for law in LAWS.values())
        lines.append(f"| `{name}` | {marks} |")
    return lines


def reasons():
    """What is broken by design, and why, with the options it takes."""
    lines = ["## Broken by design", ""]
    for name, subject in SUBJECTS.items():
        for entry in declarations_of(subject.function.__doc__):
            choices = [
                f"`{option}={' or '.join(map(repr, values))}`"
                for option, values in entry.options.items()
            ]
            where = f" with {', '.join(choices)}" if choices else ""
            lines.append(f"- `{name}`{where}, {entry.law}: {entry.reason}")
    return lines


def page(numbers):
    """The whole page; `numbers` says what was run."""
    parts = [HEAD.splitlines(), numbers, laws(), table(), reasons()]
    return "\n".join("\n".join(part) + "\n" for part in parts)


def run(name, examples):
    """Everything that one function keeps, checked; the examples tried, or the first failure."""
    torch.set_num_threads(1)
    subject, tried = SUBJECTS[name], 0
    for law in LAWS.values():
        if not law.applies(subject) or law.name in declared(subject):
            continue
        verdict = put(law, subject, examples=SEARCHED, tosses=examples - SEARCHED)
        tried += verdict.examples
        if verdict.state != "kept":
            return (
                tried,
                f"{name}: {law.name} is {verdict.state}: {verdict.sentence}\n{verdict.code}",
            )
    return tried, ""


def commit():
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main(
    examples: Annotated[int, typer.Option(help="Batches for each law and function.")] = 5000,
    workers: Annotated[int, typer.Option(help="Processes.")] = 2,
) -> None:
    """Run every law on every function and write the page; a broken law writes nothing."""
    start = time.monotonic()
    with ProcessPoolExecutor(workers) as pool:
        jobs = [pool.submit(run, name, examples) for name in SUBJECTS]
        results: list[tuple[int, str]] = []
        for job in track(as_completed(jobs), "laws", len(jobs)):
            results.append(job.result())
            tried, failure = results[-1]
            typer.echo(failure or f"{tried:,} batches kept every law", err=True)
    if any(failure for _, failure in results):
        raise typer.Exit(1)
    minutes = (time.monotonic() - start) / 60
    pairs = sum(mark(law, each) == "✓" for each in SUBJECTS.values() for law in LAWS.values())
    numbers = [
        "## The last run",
        "",
        f"{pairs} pairs of law and function, {examples:,} batches each ({SEARCHED} drawn by "
        f"hypothesis, the others by plain dice), {sum(tried for tried, _ in results):,} in all: "
        "no law broken that is not declared. "
        f"{minutes:.0f} minutes in {workers} processes; Python {platform.python_version()}, "
        f"torch {torch.__version__}, {platform.machine()} CPU, {date.today()}, commit {commit()}.",
    ]
    PAGE.write_text(page(numbers))


if __name__ == "__main__":
    typer.run(main)
