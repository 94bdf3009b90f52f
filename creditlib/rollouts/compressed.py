"""Compressed files as the bytes that they hold, from the start on."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.storage import Location, check_reached
from creditlib.vocabulary.messages import ContractError, error_line

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PACKED", "decompressed"]

PACKED = (".gz", ".zst")  # how the names of such files end

_BROKEN = (OSError, EOFError, ValueError, zlib.error)


class _Borrowed(io.RawIOBase):
    """A file that stays open: a stream of pyarrow closes its own file when it is let go."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _zstandard(file: BinaryIO) -> Any:
    arrow, _, _ = arrow_modules("Zstandard files")
    return arrow.CompressedInputStream(arrow.PythonFile(_Borrowed(file), mode="r"), "zstd")


# The first bytes of a file, what they say, and the stream of what the file holds.
_KINDS: dict[bytes, tuple[str, Callable[[BinaryIO], Any]]] = {
    b"\x1f\x8b": ("gzip", lambda file: gzip.GzipFile(fileobj=file)),
    b"\x28\xb5\x2f\xfd": ("Zstandard", _zstandard),
}


def decompressed(path: Location, file: BinaryIO) -> BinaryIO:
    """The file itself, or what it holds if its first bytes say that it is gzip or Zstandard.

    What it holds can be read from the start again, as often as is needed; it is never in memory as
    a whole. Data that ends early or is broken is refused where it is read. Parquet inside is
    refused: it must be read from its end, and has its own compression.

    >>> from pathlib import Path
    >>> data = io.BytesIO(gzip.compress(b'{"group": 1}'))
    >>> decompressed(Path("x.jsonl.gz"), data).read()
    b'{"group": 1}'
    """
    head = file.read(4)
    file.seek(0)
    for magic, (kind, opened) in _KINDS.items():
        if head.startswith(magic):
            found = io.BufferedReader(_Decompressed(path, file, kind, opened), 2**16)
            if found.read(4) == b"PAR1":
                raise ContractError(
                    f"rollouts: a Parquet file must be read as it is, got {kind} data in {path}; "
                    "decompress it."
                )
            found.seek(0)
            return found
    return file


class _Decompressed(io.RawIOBase):
    """The stream of a compressed file; only its start can be sought."""

    def __init__(
        self, path: Location, file: BinaryIO, kind: str, opened: Callable[[BinaryIO], Any]
    ) -> None:
        self._path, self._file, self._kind, self._opened = path, file, kind, opened
        self._stream = opened(file)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = 0) -> int:
        if offset or whence:
            raise io.UnsupportedOperation("only the start of a compressed file can be sought")
        self._file.seek(0)
        self._stream = self._opened(self._file)
        self._position = 0
        return 0

    def readinto(self, buffer: Any) -> int:
        try:
            data: bytes = self._stream.read(len(buffer))
        except _BROKEN as error:
            check_reached(self._path, error)
            raise ContractError(
                f"rollouts: a file must be whole, got {self._kind} data that is broken in "
                f"{self._path} ({error_line(error)})."
            ) from None
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
