"""Files of a store that are read from the start: few requests, and no more than is read."""

from __future__ import annotations

import io
from typing import Any, BinaryIO, cast

from creditlib.rollouts.storage_systems import store_error

__all__ = ["ahead", "arrow_source"]

_FIRST, _MOST = 2**16, 2**23  # bytes of the first request, and at most of a later one


class _Ahead(io.RawIOBase):
    """A file of pyarrow; each request is for twice as much as the one before, if it follows it."""

    def __init__(self, name: str, native: Any) -> None:
        self._name, self.native = name, native
        self._start, self._data, self._at = 0, b"", 0  # of the bytes at hand, and the next one
        self._ask = _FIRST

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._start + self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        base = (0, self.tell(), self.native.size() if whence == 2 else 0)[whence]
        target = base + offset
        if self._start <= target <= self._start + len(self._data):
            self._at = target - self._start
        else:
            self._start, self._data, self._at, self._ask = target, b"", 0, _FIRST
        return target

    def readinto(self, buffer: Any) -> int:
        if self._at == len(self._data):
            self._start += len(self._data)
            try:
                self._data = self.native.read_at(self._ask, self._start)
            except Exception as error:  # plug-ins of fsspec raise what they like
                raise store_error(error, self._name) from error
            self._at, self._ask = 0, min(2 * self._ask, _MOST)
        data = self._data[self._at : self._at + len(buffer)]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self.native.close()
        super().close()


def ahead(name: str, native: Any) -> BinaryIO:
    r"""A file of pyarrow as one that is read from its start; `name` is for messages.

    >>> import pyarrow
    >>> with ahead("x.jsonl", pyarrow.BufferReader(b"56\n57\n")) as file:
    ...     file.readlines()
    [b'56\n', b'57\n']
    """
    return cast("BinaryIO", io.BufferedReader(_Ahead(name, native), _FIRST))


def arrow_source(file: BinaryIO) -> tuple[Any, bool]:
    """What pyarrow reads a file best from, and whether that is a store.

    >>> file = io.BytesIO()
    >>> arrow_source(file) == (file, False)
    True
    """
    raw = getattr(file, "raw", None)
    return (raw.native, True) if isinstance(raw, _Ahead) else (file, False)
