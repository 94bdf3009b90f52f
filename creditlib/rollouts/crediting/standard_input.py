"""Standard input as a file of its own for the time of a run, which reads each file twice."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from creditlib.rollouts.crediting.sources import Source
from creditlib.rollouts.crediting.summary import Summary
from creditlib.rollouts.disk import STANDARD_INPUT
from creditlib.rollouts.storage import Location, location
from creditlib.vocabulary.messages import ContractError, contract_error

__all__ = ["Inputs", "copied_inputs", "named_file"]

_KINDS = (".parquet", ".jsonl")


@dataclass(frozen=True)
class Inputs:
    """The paths of a run, and the copy that one of them is, if standard input is among them."""

    paths: Sequence[str | Path]
    copy: Path | None = None

    def shown(self, sources: Sequence[Source]) -> list[Source]:
        """The sources; places in the copy are those in standard input."""
        return [
            replace(
                each, units=tuple(replace(unit, shown=str(STANDARD_INPUT)) for unit in each.units)
            )
            if each.path == self.copy
            else each
            for each in sources
        ]

    def told(self, summary: Summary) -> Summary:
        """The summary; its notes name standard input, not its copy."""
        return replace(summary, notes=tuple(_named(note, self.copy) for note in summary.notes))


def _named(text: str, copy: Path | None) -> str:
    return text if copy is None else text.replace(str(copy), str(STANDARD_INPUT))


@contextlib.contextmanager
def copied_inputs(
    paths: str | Path | Sequence[str | Path],
    out: str | Path | None,
    resume: bool,
    engine: str,
) -> Generator[Inputs]:
    """The paths, with a temporary copy in the place of "-"; refusals name standard input.

    What does not go with standard input is refused before it is read.
    """
    given = [paths] if isinstance(paths, (str, Path)) else list(paths)
    if "-" not in map(str, given):
        yield Inputs(given)
        return
    where = "where standard input is read"
    if out is None:
        raise contract_error("credit", "out", f"a folder or a file to write to {where}", "None")
    if resume:
        raise contract_error("credit", "resume", f"left out {where}", repr(resume))
    if engine != "local":
        raise contract_error("credit", "engine", f"'local' {where}", repr(engine))
    with tempfile.TemporaryDirectory(prefix="creditlib-") as folder:
        copy = Path(folder) / "stdin"
        with copy.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        try:
            yield Inputs([copy if str(each) == "-" else each for each in given], copy)
        except ContractError as error:
            raise ContractError(_named(str(error), copy)) from None


def named_file(
    inputs: Inputs, out: str | Path | None, to: str | None
) -> tuple[Location, str] | None:
    """The file that `out` names for standard input, and its kind; None if it names a folder.

    >>> named_file(Inputs(["-"], Path("stdin")), "runs/now.jsonl", None)
    (PosixPath('runs/now.jsonl'), 'jsonl')
    >>> named_file(Inputs(["-"], Path("stdin")), "runs", None)
    """
    if inputs.copy is None or out is None or len(inputs.paths) > 1:
        return None
    file = location(out)
    if file.suffix not in _KINDS or file.is_dir():
        return None
    kind = file.suffix.removeprefix(".")
    if to is not None and to != kind:
        raise contract_error(
            "credit", "out", f"a folder or a file that ends in .{to}", repr(str(out))
        )
    return file, kind
