"""The report of a law run: a table, the counterexamples and a JSON object."""

from __future__ import annotations

import contextlib
import json
import platform
import sys
from collections.abc import Callable, Generator, Iterable, Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any

import torch

from creditlib.registry import resolve
from creditlib.version import __version__
from creditlib.vocabulary.install_hint import install_hint
from creditlib.vocabulary.messages import ContractError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from creditlib.testing.engine.runner import Report, Verdict

__all__ = [
    "as_json",
    "checked_by_laws",
    "links_of",
    "print_broken",
    "value_of",
    "verdict_table",
    "versions",
]

_STYLES = {"kept": "green", "broken": "bold red", "by design": "yellow", "untried": "yellow"}
_AS_JSON = {"None": "null", "True": "true", "False": "false"}  # Python's names in JSON


def checked_by_laws(
    name: str,
    *,
    signature: str | None = None,
    laws: Iterable[str] | None = None,
    skip: Iterable[str] = (),
    options: Iterable[str] = (),
    examples: int = 100,
    seed: int | None = None,
    seconds: float | None = None,
    progress: bool = False,
) -> Report:
    """Run the laws with the texts of a command line: "law=reason" and "option=value".

    The output of the function itself goes to stderr. Needs hypothesis.

    >>> checked_by_laws("rloo", laws=["credit_is_finite"]).verdicts[0].state
    'kept'
    """
    try:
        from creditlib.testing import LAWS, conformance_report
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "hypothesis":
            raise
        text = f"check: the laws need hypothesis: {install_hint('laws')}."
        raise ModuleNotFoundError(text, name=error.name) from None
    selected = list(laws or LAWS)
    given = {key: value_of(text) for key, text in map(_pair("--option"), options)}
    reasons = dict(map(_pair("--skip"), skip))
    with contextlib.redirect_stdout(sys.stderr), _watched(len(selected), progress) as watch:
        return conformance_report(
            name,
            signature,
            laws=selected,
            skip=reasons,
            options=given,
            examples=examples,
            seed=seed,
            seconds=seconds,
            watch=lambda law: watch(law.name),
        )


def _pair(flag: str) -> Callable[[str], tuple[str, str]]:
    def split(text: str) -> tuple[str, str]:
        name, sign, value = text.partition("=")
        if not (name and sign and value):
            raise ContractError(f"check: `{flag}` must be name=value, got {text!r}.")
        return name, value

    return split


def value_of(text: str) -> Any:
    """The value of a command-line text: JSON, None, True or False, or else the text itself.

    >>> value_of("0.5"), value_of("None"), value_of("batch")
    (0.5, None, 'batch')
    """
    try:
        return json.loads(_AS_JSON.get(text, text))
    except json.JSONDecodeError:
        return text


@contextlib.contextmanager
def _watched(laws: int, shown: bool) -> Generator[Callable[[str], None], None, None]:
    """A progress bar on stderr, removed at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not shown) as bar:
        task = bar.add_task("", total=laws)
        started = 0

        def watch(name: str) -> None:
            nonlocal started
            bar.update(task, completed=started, description=name)
            started += 1

        yield watch


def verdict_table(report: Report) -> RenderableType:
    """One row for each law that applies: verdict, examples, and what is broken or the reason."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("law", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("examples", justify="right")
    table.add_column("")
    for verdict in report.verdicts:
        if verdict.state == "not applicable":
            continue
        state = Text(verdict.state, _STYLES[verdict.state])
        text = Text(verdict.sentence or verdict.reason)
        table.add_row(Text(verdict.law.name), state, str(verdict.examples or ""), text)
    return Group(Text(_summary(report), "bold"), table)


def _summary(report: Report) -> str:
    counts = {state: len(report.of(state)) for state in ("kept", "broken", "by design", "untried")}
    found = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    others = len(report.of("not applicable"))
    return f"{report.name}: {found or 'no law applies'}; {others} not applicable"


def print_broken(report: Report, console: Console) -> None:
    """Each broken law: its sentence, what is broken, code that shows it, and related issues."""
    from rich.text import Text

    for verdict in report.broken:
        console.print(Text(verdict.law.name, "bold red"))
        console.print(Text(f"demands: {verdict.law.sentence}"))
        console.print(Text(f"found: {verdict.sentence}"))
        for line in verdict.code.splitlines():
            console.print(Text(f"    {line}"), soft_wrap=True)
        for address in links_of(verdict):
            console.print(Text(f"related: {address}", "dim"), soft_wrap=True)
        console.print()


def links_of(verdict: Verdict) -> list[str]:
    """The addresses of the issues that the law would have prevented."""
    from creditlib.testing.engine.law import link

    return [link(bug) for bug in verdict.law.bugs]


def versions(name: str) -> dict[str, str]:
    """The versions of creditlib, torch, hypothesis, Python and the function's own package.

    >>> sorted(versions("rloo"))
    ['creditlib', 'hypothesis', 'python', 'torch']
    """
    found = {
        "python": platform.python_version(),
        "creditlib": __version__,
        "torch": torch.__version__,
        "hypothesis": metadata.version("hypothesis"),
    }
    top = (getattr(resolve(name), "__module__", None) or "").partition(".")[0]
    for package in metadata.packages_distributions().get(top, ())[:1]:
        found.setdefault(package, metadata.version(package))
    return found


def as_json(report: Report, name: str, signature: str | None) -> str:
    """The verdicts as one JSON object.

    >>> report = checked_by_laws("rloo", laws=["credit_is_finite"])
    >>> sorted(json.loads(as_json(report, "rloo", None)))
    ['function', 'signature', 'verdicts', 'versions']
    """
    verdicts: list[Mapping[str, Any]] = [
        {
            "law": verdict.law.name,
            "state": verdict.state,
            "examples": verdict.examples,
            "seconds": round(verdict.seconds, 3),
            "sentence": verdict.sentence,
            "code": verdict.code,
            "reason": verdict.reason,
            "bugs": links_of(verdict),
        }
        for verdict in report.verdicts
    ]
    every = {"function": name, "signature": signature, "versions": versions(name)}
    return json.dumps({**every, "verdicts": verdicts}, indent=1)
