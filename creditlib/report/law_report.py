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
from creditlib.report.law_list import laws_by_name, links_of
from creditlib.version import __version__
from creditlib.vocabulary.messages import (
    ContractError,
    contract_error,
    did_you_mean,
    one_line,
    printable,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from creditlib.testing.engine.law import Law
    from creditlib.testing.engine.verdicts import Report, Verdict

__all__ = [
    "as_json",
    "checked_by_laws",
    "imports_of",
    "print_broken",
    "value_of",
    "verdict_table",
    "versions",
]

# The word for each state of a verdict, and its style.
_WORDS = {
    "kept": ("kept", "green"),
    "broken": ("broken", "bold red"),
    "unheld": ("does not hold", "yellow"),
    "by design": ("by design", "yellow"),
    "untried": ("not tested", "yellow"),
    "undecided": ("undecided", "yellow"),
}
_MANY = {"does not hold": "do not hold"}
_AS_JSON = {"None": "null", "True": "true", "False": "false"}  # Python's names in JSON


def checked_by_laws(
    name: str,
    *,
    signature: str | None = None,
    laws: Iterable[str] | None = None,
    strict: str | None = None,
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
    every = laws_by_name("check")
    from creditlib.testing import conformance_report
    from creditlib.testing.check import strictness
    from creditlib.testing.engine.law import tier_of

    named = list(laws or ())
    given = {key: value_of(text) for key, text in map(_pair("--option"), options)}
    reasons = dict(map(_pair("--skip"), skip))
    _refuse_unknown_laws("--law", named, every)
    _refuse_unknown_laws("--skip", reasons, every)
    tier = strictness(strict and tier_of(strict, "check", "--strict"), named or None)
    selected = named or list(every)
    with contextlib.redirect_stdout(sys.stderr), _watched(len(selected), progress) as watch:
        return conformance_report(
            name,
            signature,
            laws=selected,
            strict=tier,
            skip=reasons,
            options=given,
            examples=examples,
            seed=seed,
            seconds=seconds,
            watch=lambda law: watch(law.name),
        )


def _refuse_unknown_laws(flag: str, names: Iterable[str], every: Mapping[str, Law]) -> None:
    for name in names:
        if name not in every:
            wanted = "a name that `creditlib laws` lists"
            raise contract_error("check", flag, wanted, f"{name!r}{did_you_mean(name, every)}")


def _pair(flag: str) -> Callable[[str], tuple[str, str]]:
    def split(text: str) -> tuple[str, str]:
        name, sign, value = text.partition("=")
        if not (name and sign and value):
            raise ContractError(f"check: `{flag}` must be name=value, got {text!r}.")
        return name, value

    return split


def value_of(text: str, command: str = "check") -> Any:
    """The value of a command-line text: JSON, None, True or False, or else the text itself.

    >>> value_of("0.5"), value_of("None"), value_of("batch")
    (0.5, None, 'batch')

    Errors: `command` refuses JSON that is nested too deeply, and an integer of too many digits.
    """
    try:
        return json.loads(_AS_JSON.get(text, text))
    except json.JSONDecodeError:
        return text
    except (ValueError, RecursionError) as error:
        deep = isinstance(error, RecursionError)
        fact = "JSON nested too deeply" if deep else "an integer of too many digits"
        wanted = "name=value with a value that an option takes"
        raise contract_error(command, "--option", wanted, fact) from None


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


def _word(report: Report, verdict: Verdict) -> tuple[str, str]:
    """The word for a verdict in the table, and its style."""
    if verdict.state == "broken" and not report.is_fault(verdict):
        return _WORDS["unheld"]
    return _WORDS[verdict.state]


def verdict_table(report: Report) -> RenderableType:
    """One row for each law that applies, by tier: verdict, batches, and what was found."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from creditlib.testing.engine.law import TIERS

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("law", no_wrap=True)
    table.add_column("tier", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("batches", justify="right")
    table.add_column("")
    applied = [verdict for verdict in report.verdicts if verdict.state != "not applicable"]
    for verdict in sorted(applied, key=lambda each: TIERS.index(each.law.tier)):
        word, style = _word(report, verdict)
        text = one_line(verdict.sentence or verdict.reason)
        if verdict.because:
            text = f"follows from {verdict.because}"
        tried = str(verdict.examples or "")
        law = verdict.law
        table.add_row(Text(law.name), law.tier, Text(word, style), tried, Text(text))
    return Group(Text(_summary(report), "bold"), table)


def _summary(report: Report) -> str:
    roots = [each for each in report.verdicts if each.state in _WORDS and not each.because]
    words = [_word(report, verdict)[0] for verdict in roots]
    counts = [
        f"{words.count(word)} {_MANY.get(word, word) if words.count(word) > 1 else word}"
        for word, _ in _WORDS.values()
        if word in words
    ]
    others = len(report.of("not applicable"))
    apart = f"{others} {'law does' if others == 1 else 'laws do'} not apply"
    found = ", ".join(counts) or "no law applies"
    return f"{report.name}: {found}" + (f"; {apart}" if others and counts else "")


def print_broken(report: Report, console: Console, name: str = "") -> None:
    """Each broken law, root cause first: its sentence, what was found, code, related issues.

    `name` is what the user called the function: the imports that the code needs stand first.
    """
    from rich.text import Text

    needed = imports_of(report, name) if name else []
    if needed:
        console.print(Text("The lines of code below can be pasted after:"))
        for line in needed:
            console.print(Text(f"    {line}"), soft_wrap=True)
        console.print()
    for verdict in report.broken:
        style = "bold red" if report.is_fault(verdict) else "yellow"
        console.print(Text(f"{verdict.law.name} ({verdict.law.tier})", style))
        console.print(Text(f"demands: {verdict.law.sentence}"))
        console.print(Text(one_line(f"found: {verdict.sentence}")))
        for line in verdict.code.splitlines():
            console.print(Text(f"    {printable(line)}"), soft_wrap=True)
        follows = ", ".join(report.consequences(verdict))
        if follows:
            console.print(Text(f"this also breaks: {follows}"))
        for address in links_of(verdict.law):
            console.print(Text(f"related: {address}", "dim"), soft_wrap=True)
        console.print()


def imports_of(report: Report, name: str) -> list[str]:
    """The imports that the code of a report needs, for a function called by `name`.

    >>> imports_of(checked_by_laws("grpo", laws=["credit_is_finite"]), "grpo")
    []
    """
    codes = [verdict.code for verdict in report.broken if verdict.code]
    if not codes:
        return []
    text = "\n".join(codes)
    found = ["import torch"]
    if "np.array(" in text:
        found.append("import numpy as np")
    if "OmegaConf.create(" in text:
        found.append("from omegaconf import OmegaConf")
    module, colon, path = name.partition(":")
    function = resolve(name)
    own = getattr(function, "__name__", "")
    if not colon:
        module, path = function.__module__, own
    if "." in path or path != own or not own.isidentifier():
        called = own if own.isidentifier() else "function"
        return [
            *found,
            "from pkgutil import resolve_name",
            f'{called} = resolve_name("{module}:{path}")',
        ]
    return [*found, f"from {module} import {path}"]


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
    ['function', 'imports', 'signature', 'strict', 'verdicts', 'versions']
    """
    verdicts: list[Mapping[str, Any]] = [
        {
            "law": verdict.law.name,
            "tier": verdict.law.tier,
            "state": verdict.state,
            "fault": verdict in report.faults,
            "because": verdict.because,
            "examples": verdict.examples,
            "seconds": round(verdict.seconds, 3),
            "sentence": verdict.sentence,
            "code": verdict.code,
            "reason": verdict.reason,
            "bugs": links_of(verdict.law),
        }
        for verdict in report.verdicts
    ]
    every = {
        "function": name,
        "signature": signature,
        "strict": report.strict,
        "versions": versions(name),
        "imports": imports_of(report, name),
    }
    return json.dumps({**every, "verdicts": verdicts}, indent=1)
