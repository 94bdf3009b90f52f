"""One output of a run: what it is made from, and writing it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from creditlib.rollouts.crediting.native import write_native
from creditlib.rollouts.crediting.sidecar import Form, write_output
from creditlib.rollouts.crediting.sources import Source, Unit
from creditlib.rollouts.storage import Location

__all__ = ["Output"]


@dataclass(frozen=True)
class Output:
    """The output of one input.

    manifest: what the output says it was made from. kept: whether a resumed run found it finished.
    native: the estimator whose credit goes into the field that the inputs' format has for it, ""
    where the output has columns of credit.
    """

    path: Location
    source: Source
    manifest: bytes
    kept: bool
    native: str = ""

    def write(self, tables: Iterable[tuple[Unit, Any]], form: Form) -> None:
        """Write the output; it takes its place when it is whole."""
        if self.native:
            write_native(self.path, self.source, tables, self.native, self.manifest)
        else:
            write_output(self.path, self.source, tables, form, self.manifest)
