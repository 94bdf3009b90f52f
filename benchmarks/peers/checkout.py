"""Loads one file of a checkout, and says which commit it is."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import subprocess
import sys
import types
from collections.abc import Generator
from pathlib import Path
from typing import Any

__all__ = ["load_file", "package_version", "stubs", "version_of", "wanted"]


def wanted(path: Path | None, name: str) -> Path:
    """The checkout, or the reason why there is nothing to time."""
    if path is None:
        raise ModuleNotFoundError(f"needs a checkout: --peer {name}=PATH")
    if not path.is_dir():
        raise FileNotFoundError(f"{path} is no folder")
    return path


def load_file(path: Path, name: str) -> Any:
    """A single file as a module, without the package around it."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"{path.name} is not in the checkout")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def version_of(path: Path) -> str:
    """The commit of a checkout: a file COMMIT in it (an exported tree), or what git says."""
    stated = path / "COMMIT"
    if stated.is_file():
        return stated.read_text().strip()[:12]
    done = subprocess.run(
        ["git", "-C", str(path), "rev-parse", "--short=12", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"


def package_version(package: str) -> str:
    """The version of an installed package."""
    return importlib.metadata.version(package)


class _Empty(types.ModuleType):
    """A module in which every name is None."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


@contextlib.contextmanager
def stubs(*names: str, **given: Any) -> Generator[None]:
    """While a file is loaded, empty modules in the place of imports that it does not need here.

    `given` are the names that it does need, from whichever of the modules.
    """
    kept = {name: sys.modules.get(name) for name in names}
    for name in names:
        module = _Empty(name)
        module.__dict__.update(given, __path__=[])
        sys.modules[name] = module
        parent, _, leaf = name.rpartition(".")
        if parent in names:
            setattr(sys.modules[parent], leaf, module)
    try:
        yield
    finally:
        for name, before in kept.items():
            sys.modules.pop(name, None)
            if before is not None:
                sys.modules[name] = before
