"""Credit inside trainers: one module or folder for each trainer, which it imports lazily.

An adapter translates: it reads the rows of a trainer with `creditlib.rows`, and writes advantages
and returns where the trainer expects them. Every adapter follows the protocol `Adapter`, and
`creditlib.integrations.patching` helps to verify and replace functions of a trainer.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast, runtime_checkable

from creditlib.integrations.patching import Hook, HookError, Trainer

__all__ = ["Adapter", "Hook", "HookError", "Trainer", "adapters"]


@runtime_checkable
class Adapter(Protocol):
    """What the module or folder of every trainer has."""

    TRAINER: Trainer

    def install(self, settings: Mapping[str, Any] | None = None) -> Callable[[], None]:
        """Make the trainer use creditlib in this process; the returned function undoes it.

        `settings` are credit settings as `creditlib.rows.credit_settings` reads them. Where the
        trainer's own configuration has a section for creditlib, that section overrides them. A
        hook that is not as known raises HookError, and then nothing is installed.
        """
        ...


def adapters() -> dict[str, Adapter]:
    """Every adapter by the name of its module.

    >>> adapters()["verl"].TRAINER.package
    'verl'
    """
    found: dict[str, Adapter] = {}
    for each in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{each.name}")
        if hasattr(module, "TRAINER"):
            found[each.name] = cast("Adapter", module)
    return found
