"""`creditlib doctor`: what is installed and works, for a bug report; also of one trainer."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Annotated, Literal

import torch
import typer
from rich.table import Table
from rich.text import Text

import creditlib.integrations as integrations
from creditlib.cli.allocator import allocator, cost, describe, settings
from creditlib.cli.typer_app import app, make_console
from creditlib.integrations.patching import Hook, HookError, Trainer, locate, unwrap
from creditlib.registry import Plugin, plugins, public_functions
from creditlib.version import __version__
from creditlib.vocabulary.backends import PROBLEMS
from creditlib.vocabulary.messages import contract_error, did_you_mean, one_line

__all__ = ["Finding", "doctor", "examine", "examine_trainer", "trainers"]

State = Literal["ok", "absent", "failed"]

_STYLES: dict[State, str] = {"ok": "", "absent": "dim", "failed": "red"}
# What creditlib itself and its extras need; those of trainers, [test] and [dev] are left out.
_PACKAGES = (
    *("torch", "numpy", "einops", "jaxtyping"),
    *("numba", "triton", "typer", "rich", "jinja2", "pyarrow", "rapidfuzz"),
    *("hypothesis", "pytest", "matplotlib", "textworld", "scipy"),
)
_OPERATIONS = Path(__file__).parents[1] / "ops"
_ENTRY_FILES = {"numba": "numba_loops.py", "triton": "triton_launch.py"}


@dataclass(frozen=True)
class Finding:
    """One line of the report; only a 'failed' one is a fault."""

    section: str
    name: str
    fact: str
    state: State = "ok"


@app.command(short_help="Show versions, devices, memory, backends and plug-ins.")
def doctor(
    trainer: Annotated[
        str | None, typer.Argument(help="Examine this trainer instead, such as verl.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show versions, devices, memory, backends and plug-ins, or how creditlib fits a trainer.

    The exit code is 1 if something that is installed does not work.
    """
    findings = examine_trainer(trainer) if trainer else examine()
    failed = any(finding.state == "failed" for finding in findings)
    if as_json:
        found = {"works": not failed, "findings": [asdict(finding) for finding in findings]}
        typer.echo(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        make_console().print(_table(findings))
    if failed:
        raise typer.Exit(1)


def _table(findings: Sequence[Finding]) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    section = ""
    for finding in findings:
        heading = finding.section if finding.section != section else ""
        section = finding.section
        fact = Text(finding.fact, _STYLES[finding.state])
        table.add_row(Text(heading, style="bold"), Text(finding.name), fact)
    return table


def examine() -> list[Finding]:
    """Versions, devices, memory, backends and plug-ins, in this order.

    >>> [finding.name for finding in examine()][:3]
    ['creditlib', 'python', 'torch']
    """
    return [*_versions(), *_devices(), *_memory(), *_backends(), *_plugins()]


def trainers() -> dict[str, Trainer]:
    """The trainer of every adapter, by the name of the adapter's module.

    >>> trainers()["verl"].package
    'verl'
    """
    found: dict[str, Trainer] = {}
    for each in pkgutil.iter_modules(integrations.__path__):
        trainer = getattr(_adapter(each.name), "TRAINER", None)
        if isinstance(trainer, Trainer):
            found[each.name] = trainer
    return found


def _adapter(name: str) -> ModuleType:
    return importlib.import_module(f"creditlib.integrations.{name}")


def examine_trainer(name: str) -> list[Finding]:
    """A trainer's version, each of its hooks, and what else its adapter can examine."""
    known = trainers()
    key = name.replace("-", "_").lower()
    if key not in known:
        fact = f"{name!r}{did_you_mean(key, known)}"
        raise contract_error("doctor", "trainer", f"one of {', '.join(known)}", fact)
    trainer = known[key]
    tested = ", ".join(trainer.known)
    if trainer.version is None:
        return [Finding(key, trainer.package, f"not installed; tested: {tested}", "failed")]
    untested = "" if trainer.version in trainer.known else ", which is not tested"
    found = [Finding(key, trainer.package, f"{trainer.version}{untested}; tested: {tested}")]
    found += [_hook(key, trainer, hook) for hook in trainer.hooks]
    for what, fact, works in _examined_by_adapter(key):
        found.append(Finding(key, what, fact, "ok" if works else "failed"))
    return found


def _examined_by_adapter(key: str) -> list[tuple[str, str, bool]]:
    """What the module `doctor` of a trainer's folder finds, if there is one."""
    if not (Path(integrations.__path__[0]) / key / "doctor.py").is_file():
        return []
    return _adapter(f"{key}.doctor").health()


def _hook(section: str, trainer: Trainer, hook: Hook) -> Finding:
    try:
        value = locate(trainer, hook)[2]
    except HookError as error:
        return Finding(section, hook.path, str(error), "failed")
    got, original = hook.form_of(value), unwrap(value)
    if got != hook.form:
        verb = "is" if hook.value_type else "takes"
        return Finding(section, hook.path, f"{verb} {got}, tested with {hook.form}", "failed")
    replaced = ", replaced by creditlib's adapter" if original is not value else ""
    return Finding(section, hook.path, f"as tested{replaced}")


def _version(package: str) -> str | None:
    """The version in the package's metadata; importing numba or textworld would take seconds."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _versions() -> list[Finding]:
    found = [
        Finding("versions", "creditlib", __version__),
        Finding("versions", "python", platform.python_version()),
    ]
    for package in _PACKAGES:
        installed = _version(package)
        fact = installed or "not installed"
        found.append(Finding("versions", package, fact, "ok" if installed else "absent"))
    return found


def _devices() -> list[Finding]:
    threads = torch.get_num_threads()
    noun = "thread" if threads == 1 else "threads"
    found = [Finding("devices", "cpu", f"{threads} {noun} for torch")]
    if not torch.cuda.is_available():
        return [*found, Finding("devices", "cuda", "no device", "absent")]
    for index in range(torch.cuda.device_count()):
        found.append(Finding("devices", f"cuda:{index}", torch.cuda.get_device_name(index)))
    return found


def _memory() -> list[Finding]:
    """Which allocator serves CPU tensors, and what a new one costs; nothing where that is unknown.

    It is the state of this process: one that is started with the same environment has the same.
    """
    name = allocator()
    if name is None:
        return []
    lines = describe(name, settings(os.environ), cost())
    return [Finding("memory", what, fact) for what, fact in lines]


def _backends() -> list[Finding]:
    """A backend works if its compiler can be used and, for Triton, there is a CUDA device."""
    found = [Finding("backends", "torch", "works: the reference of every operation")]
    for backend, entry_file in _ENTRY_FILES.items():
        count = len(list(_OPERATIONS.glob(f"*/{entry_file}")))
        problem = PROBLEMS[backend] and f"not used, because it {PROBLEMS[backend]}"
        if not problem and backend == "triton" and not torch.cuda.is_available():
            problem = "no CUDA device"
        made = "compiled loops" if backend == "numba" else "kernels"
        fact = f"{problem or 'works'}: {count} operations have {made}"
        found.append(Finding("backends", backend, fact, "absent" if problem else "ok"))
    return found


def _plugins() -> list[Finding]:
    ours = public_functions()
    found = [_plugin(plugin, shadowed=plugin.name in ours) for plugin in plugins()]
    return found or [Finding("plug-ins", "none", "no installed package has any", "absent")]


def _plugin(plugin: Plugin, *, shadowed: bool) -> Finding:
    """A plug-in with the name of one of creditlib's functions is a fault: no call reaches it."""
    name, fact = one_line(plugin.name), one_line(plugin.value)
    faults: list[str] = []
    if plugin.error is not None:
        faults.append(f"failed: {one_line(plugin.error)}")
    if shadowed:
        faults.append(f"is shadowed by creditlib's own {name}")
    if not faults:
        return Finding("plug-ins", name, fact)
    return Finding("plug-ins", name, f"{fact} {' and '.join(reversed(faults))}", "failed")
