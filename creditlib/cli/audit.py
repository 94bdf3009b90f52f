"""`creditlib audit`: what an estimator is worth, against exact truth."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from creditlib.audit.ranking import below, mean_usnr
from creditlib.audit.result import Audit, Tiers
from creditlib.audit.run import AGAINST
from creditlib.audit.run import audit as run_audit
from creditlib.audit.subject import Audited, audited, found_estimator
from creditlib.cli.as_typed import as_typed
from creditlib.cli.named_modules import import_named
from creditlib.cli.typer_app import app, make_console, name_and_value
from creditlib.registry import title
from creditlib.report.audit_page import check_file, write_page
from creditlib.report.audit_sentences import general_sentences, task_sentences
from creditlib.report.audit_table import NOTE, audit_table, table_width
from creditlib.report.law_report import value_of
from creditlib.vocabulary.messages import contract_error, did_you_mean, one_line

__all__ = ["audit", "fails"]

# How refusals of the functions below start, and the option that their argument comes from.
_FLAGS = {"audit: `tasks`": "--task", "audit: `on`": "--on", "audit: `also`": "--also"}


@app.command(short_help="Show what an estimator is worth, against exact truth.")
def audit(
    estimator: Annotated[str, typer.Argument(help="Name or mypkg.module:function.")],
    against: Annotated[
        list[str] | None,
        typer.Option(help=f"Compare with it; repeatable. Default: {', '.join(AGAINST)}."),
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(help="Only this task: a name or mypkg.module:task; repeatable."),
    ] = None,
    groups: Annotated[int | None, typer.Option(min=2, help="Sampled groups for each task.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Training runs for each task.")] = None,
    updates: Annotated[
        int | None, typer.Option(min=1, help="Policy updates in a training run.")
    ] = None,
    quick: Annotated[bool, typer.Option(help="Fewer groups, seeds and updates.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write a page: *.html, *.md or *.png.")
    ] = None,
    fail_under: Annotated[
        str | None, typer.Option(help="usnr=NAME: exit code 1 if its uSNR is below NAME's.")
    ] = None,
    on: Annotated[
        str, typer.Option(help="Estimator that a weight or shaper is used with.")
    ] = "grpo",
    option: Annotated[
        list[str] | None, typer.Option("--option", "-O", help="Option: gamma=0.9, or gae.lam=1.")
    ] = None,
    also: Annotated[
        list[str] | None, typer.Option(help="Optional tensor that it also gets; repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the groups.")] = 0,
) -> None:
    """Measure the bias, the noise and the cost of an estimator, and how fast policies learn.

    Its credit is compared with exact truth on finite tasks, and ranked among the others by uSNR:
    the signal over noise of a group's gradient, times the squared cosine of its mean with the true
    one. Tasks that lack its tensors are left out and named.

    With --fail-under usnr=NAME the exit code is 1 if the mean uSNR of the estimator is below that
    of NAME, over the tasks that both have, and the 95 % interval of the difference holds no 0.
    """
    if out is not None:
        check_file(out)
    reference = _reference(fail_under)
    compared = [*(AGAINST if against is None else against)]
    import_named("audit", "--task", *(task or []))
    _check_names("estimator", estimator)
    _check_names("--on", on)
    _check_names("--against", *compared)
    _check_names("--fail-under", *([reference] if reference else []))
    compared += [reference] if reference and reference not in (*compared, estimator) else []
    options = _options(option or [], estimator, compared)
    typed = [text.partition("=")[0] for text in option or ()]
    shown = sys.stderr.isatty() and not as_json
    with (
        as_typed("audit", _FLAGS, options=typed),
        contextlib.redirect_stdout(sys.stderr),
        _progress(shown) as progress,
    ):
        found = run_audit(
            _subject(estimator, on, options.get("", {}), also or ()),
            against=[_subject(each, on, options.get(each, {})) for each in compared],
            tasks=task,
            groups=groups,
            seeds=seeds,
            updates=updates,
            seed=seed,
            quick=quick,
            progress=progress,
        )
        failed = reference is not None and fails(found, _title(reference))
    if out is not None:
        write_page(found, out)
    if as_json:
        typer.echo(found.to_json())
    else:
        _print(found, out)
    if failed:
        own, other = one_line(found.estimator), one_line(reference)
        sys.stderr.write(f"creditlib: the uSNR of {own} is below that of {other}.\n")
        raise typer.Exit(1)


def _reference(text: str | None) -> str | None:
    """The estimator of `--fail-under usnr=NAME`."""
    if text is None:
        return None
    metric, reference = name_and_value("audit", "--fail-under", text)
    if metric != "usnr":
        wanted = "usnr=NAME, since no other metric ranks estimators"
        fact = f"{text!r}{did_you_mean(metric, ['usnr'])}"
        raise contract_error("audit", "--fail-under", wanted, fact)
    return reference


def fails(found: Audit, reference: str) -> bool:
    """Whether the mean uSNR of the audited estimator is below that of another beyond intervals.

    The means are over the tasks on which both have a uSNR; `ranking.below` compares them.

    Errors: an estimator without a uSNR on a common task.
    """
    own = mean_usnr(found.own, found.tasks)
    tiers = found.against.get(reference, Tiers())
    other = mean_usnr(tiers, own.tasks if own is not None else ())
    if own is None or other is None:
        same = reference not in found.against
        fact = f"{reference}, which {'is audited itself' if same else 'has a uSNR on none of them'}"
        wanted = f"usnr=NAME of another estimator of the tasks of {found.estimator}"
        raise contract_error("audit", "--fail-under", wanted, fact)
    both = mean_usnr(found.own, other.tasks)
    assert both is not None
    return below(both, other)


def _check_names(flag: str, *names: str) -> None:
    """Import the modules that estimators name, and refuse an estimator that nobody has."""
    import_named("audit", flag, *names)
    with as_typed("audit", {"resolve: `name`": flag}):
        for name in names:
            found_estimator(name)


def _options(texts: list[str], name: str, compared: list[str]) -> dict[str, dict[str, Any]]:
    """Options by estimator: 'gae.lam=1' is of gae, and 'lam=1' of the audited one, called ''."""
    known = list(dict.fromkeys([name, *compared]))
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        key, value = name_and_value("audit", "--option", text)
        estimator, _, option = key.rpartition(".")
        if estimator and estimator not in known:
            wanted = f"name=value, or {', '.join(known)} and a dot before it"
            fact = f"{text!r}{did_you_mean(estimator, known)}"
            raise contract_error("audit", "--option", wanted, fact)
        of = "" if estimator == name else estimator
        found.setdefault(of, {})[option] = value_of(value, "audit")
    return found


def _subject(name: str, on: str, options: Mapping[str, Any], also: Iterable[str] = ()) -> Audited:
    """An estimator with its options; an import path keeps the name that was typed."""
    return audited(name, on=on, also=also, name=name if ":" in name else "", **options)


def _title(name: str) -> str:
    """The name that an estimator has in an audit."""
    return name if ":" in name else title(found_estimator(name))


@contextlib.contextmanager
def _progress(shown: bool) -> Generator[Callable[[str, float], None]]:
    """A progress bar on stderr, removed at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}", markup=False))
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not shown) as bar:
        line = bar.add_task("", total=1.0)

        def watch(tier: str, share: float) -> None:
            bar.update(line, completed=share, description=one_line(tier))

        yield watch


def _print(found: Audit, out: Path | None) -> None:
    """The table, then a sentence a task."""
    table = audit_table(found)
    console = make_console(table_width(table))
    console.print(table)
    console.print(Text(NOTE, "dim"))
    console.print()
    for task, text in task_sentences(found):
        console.print(Text.assemble((f"{one_line(task)}: ", "bold"), one_line(text)))
    console.print()
    for text in general_sentences(found):
        console.print(Text(one_line(text)))
    if out is not None:
        console.print(Text(f"Written: {out}"), soft_wrap=True)
