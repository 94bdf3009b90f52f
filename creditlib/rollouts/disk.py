"""Files opened once, and files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

from creditlib.rollouts.addresses import Address
from creditlib.rollouts.compressed import decompressed
from creditlib.rollouts.storage import Location

__all__ = ["STANDARD_INPUT", "is_credit_file", "opened_once", "replaced"]

STANDARD_INPUT = Path("<stdin>")  # what "-" stands for


def is_credit_file(path: Location) -> bool:
    """Whether a file is one that `rollouts.credit` wrote: it is no input.

    >>> is_credit_file(Path("runs/1.credit.parquet")), is_credit_file(Path("runs/1.parquet"))
    (True, False)
    """
    return path.name.rpartition(".")[0].endswith((".credit", ".credited"))


@contextlib.contextmanager
def opened_once(path: Location) -> Generator[BinaryIO]:
    """A file to read from the start, again and again; one that is compressed as what it holds.

    What was read from a pipe or from standard input is gone, so a second look at its start would
    lose rows: it is first copied to a temporary file. What is not compressed can be read from any
    position.

    >>> with opened_once(Path(__file__)) as file:
    ...     file.seekable()
    True
    """
    standard = path == STANDARD_INPUT
    with contextlib.nullcontext(sys.stdin.buffer) if standard else path.open("rb") as file:
        if not standard and file.seekable():
            yield decompressed(path, file)
            return
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(file, copy)
            copy.seek(0)
            yield decompressed(path, copy)


@contextlib.contextmanager
def replaced(path: Location) -> Generator[BinaryIO]:
    """A file to write to; it takes the place of `path` when the block ends without an error.

    Until then it lies beside it under another name. An error, such as a full disk, removes it and
    leaves the old file as it was. A pipe or a device is written directly. What goes to an address
    is uploaded when it is whole.

    >>> path = Path(tempfile.mkdtemp()) / "x"
    >>> with replaced(path) as file:
    ...     _ = file.write(b"whole")
    >>> path.read_bytes()
    b'whole'
    """
    if isinstance(path, Address):
        with path.replaced() as file:
            yield file
        return
    target = path.resolve()
    if target.exists() and not target.is_file():
        with target.open("wb") as file:
            yield file
        return
    number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.chmod(target.stat().st_mode & 0o7777 if target.exists() else 0o666 & ~_umask())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _umask() -> int:
    """The permissions that new files do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
