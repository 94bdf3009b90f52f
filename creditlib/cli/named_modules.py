"""Modules that the user names, such as `mypkg.credit:mine`: they may lie in the current folder.

This is the only place that looks for code in the current folder.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Generator
from pathlib import Path
from types import ModuleType

from creditlib.vocabulary.messages import contract_error, error_line

__all__ = ["import_named", "last_on_path"]


def import_named(command: str, argument: str, *names: str) -> None:
    """Import the modules of import paths, so that `resolve` finds them afterwards.

    An installed module comes first. If there is none, the current folder is the last one on the
    import path while the module is imported, and not before or after. A name without a colon names
    no module.

    Errors: `argument` of `command` is refused if the module is nowhere or its import fails.
    """
    for name in names:
        module, colon, path = name.partition(":")
        if colon and module:
            _check_attribute(command, argument, name, _imported(command, argument, name), path)


@contextlib.contextmanager
def last_on_path(folder: Path) -> Generator[None, None, None]:
    """A folder is the last one on the import path inside the `with` block.

    A folder that is already on the path keeps its place.
    """
    entry = str(folder)
    if entry in sys.path:
        yield
        return
    sys.path.append(entry)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # the module may have changed the path itself
            sys.path.remove(entry)


def _imported(command: str, argument: str, name: str) -> ModuleType:
    module = name.partition(":")[0]
    try:
        try:
            return importlib.import_module(module)
        except ModuleNotFoundError as error:
            if not _is_part(error.name, module):
                raise
        importlib.invalidate_caches()
        with last_on_path(Path.cwd()):
            return importlib.import_module(module)
    except (Exception, SystemExit) as error:  # an import may raise anything
        nowhere = isinstance(error, ModuleNotFoundError) and _is_part(error.name, module)
        where = (
            f"it was looked for among the installed packages and in {Path.cwd()}" if nowhere else ""
        )
        fact = f"{name!r} ({error_line(error)})"
        wanted = "an import path that loads"
        raise contract_error(command, argument, wanted, fact, where) from error


def _is_part(missing: str | None, module: str) -> bool:
    """Whether a missing module is the named one or one of its parents."""
    return missing is not None and f"{module}.".startswith(f"{missing}.")


def _check_attribute(command: str, argument: str, name: str, module: ModuleType, path: str) -> None:
    """Refuse a name that an installed module lacks while a file of the folder has the same name."""
    found: object = module
    for part in path.split("."):
        if not hasattr(found, part):
            break
        found = getattr(found, part)
    else:
        return
    top = name.partition(":")[0].partition(".")[0]
    folder, origin = Path.cwd(), getattr(module, "__file__", None) or ""
    own = next((each for each in (folder / f"{top}.py", folder / top) if each.exists()), None)
    if own is None or Path(origin).is_relative_to(folder):
        return  # `resolve` says what is missing
    fact = f"{name!r}, and {origin or 'the built-in module'} has no {path}"
    remedy = f"rename {own.name}, because an installed module of the same name comes first"
    raise contract_error(command, argument, "an import path that loads", fact, remedy)
