"""Health of the installation in verl: its plug-ins, its registry, its drivers.

verl itself reports only at debug level which plug-ins it loaded and which failed.
"""

from __future__ import annotations

import importlib
import os
from importlib.metadata import EntryPoint, entry_points

from creditlib.integrations.verl.settings import NAME, PATCH_ERRORS, TRAINER
from creditlib.rows.names import PREFIX, estimator_names
from creditlib.vocabulary.messages import error_line

__all__ = ["health"]

_GROUP, _POLICY = "verl.plugins", "VERL_USE_EXTERNAL_PLUGINS"


def health() -> list[tuple[str, str, bool]]:
    """(name, fact, whether it is in order) of verl's plug-ins, its registry and its drivers.

    Imports verl, as a training process does.
    """
    importlib.import_module("verl")
    offered = sorted(entry_points(group=_GROUP), key=lambda entry: entry.name)
    found = [_plugin(entry) for entry in offered]
    if not any(entry.name == NAME for entry in offered):
        fact = f"no entry point in {_GROUP}: creditlib is importable but not installed"
        found.append((f"plug-in {NAME}", fact, False))
    return [*found, _registry(), *_drivers()]


def _plugin(entry: EntryPoint) -> tuple[str, str, bool]:
    name = f"plug-in {entry.name}"
    policy = os.environ.get(_POLICY, "auto").strip().lower()
    if policy != "auto" and entry.name not in [each.strip() for each in policy.split(",")]:
        return name, f"excluded by {_POLICY}={policy}", entry.name != NAME
    try:
        entry.load()
    except (Exception, SystemExit) as error:  # the import of a plug-in may raise anything
        return name, f"{entry.value} failed: {error_line(error)}", False
    return name, entry.value, True


def _registry() -> tuple[str, str, bool]:
    core = importlib.import_module(TRAINER.hooks[0].module)
    names = [NAME, *(PREFIX + name for name in estimator_names())]
    lacking = [name for name in names if name not in core.ADV_ESTIMATOR_REGISTRY]
    if lacking:
        return "registry", f"lacks {', '.join(lacking)}", False
    return "registry", f"{len(names)} estimators, from {names[1]} to {names[-1]}", True


def _drivers() -> list[tuple[str, str, bool]]:
    return [("drivers", sentence, False) for sentence in PATCH_ERRORS]
