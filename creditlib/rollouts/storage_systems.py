"""The stores that addresses name: S3 and Google Cloud by pyarrow, every other one by fsspec.

A store is asked by keys: "runs/1.parquet" in "s3://bucket/runs/1.parquet".
"""

from __future__ import annotations

import errno
import functools
import os
import shutil
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, NamedTuple, cast

from creditlib.rollouts.arrow import arrow_file_systems, arrow_modules
from creditlib.vocabulary.messages import ContractError, error_line, one_line

__all__ = ["NATIVE", "ArrowStore", "Found", "FsspecStore", "Store", "store_error", "store_of"]

NATIVE = ("s3", "gs", "gcs")  # schemes that pyarrow opens itself
_SENT = 2**26  # bytes of an upload that are in memory
# Where fsspec's file systems say when a file was written.
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "created")


def store_error(error: Exception, name: str) -> OSError:
    """An error of a store as one that names the address.

    >>> str(store_error(FileNotFoundError("key"), "s3://bucket/key"))
    "[Errno 2] No such file or directory: 's3://bucket/key'"
    """
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    if isinstance(error, OSError) and error.filename is not None:
        return error
    fact = one_line(error) if isinstance(error, OSError) else error_line(error)
    return OSError(errno.EIO, fact.rstrip("."), name)


class Found(NamedTuple):
    """What a store says of a key.

    key: the key; where a folder was listed, what follows the key of that folder.
    kind: "file", "folder", or "" where there is nothing.
    modified: when it was written, in nanoseconds; 0 where the store does not say.
    """

    key: str
    kind: str
    size: int = 0
    modified: int = 0


class Store(ABC):
    """What `storage` asks of a store. Errors are those of the library behind it."""

    @abstractmethod
    def look(self, keys: Sequence[str]) -> list[Found]:
        """What lies under each key."""

    @abstractmethod
    def list(self, key: str, recursive: bool) -> list[Found]:
        """What a folder holds, nothing where there is no folder."""

    @abstractmethod
    def open(self, key: str) -> Any:
        """A file of pyarrow that reads any range."""

    @abstractmethod
    def upload(self, local: str, key: str) -> None:
        """Copy a local file to a key in one upload; one that fails leaves what was there."""

    @abstractmethod
    def make_folder(self, key: str) -> None:
        """Make a folder where the store has real ones."""

    @abstractmethod
    def remove(self, key: str) -> None:
        """Remove a file."""


class ArrowStore(Store):
    """A store that pyarrow opens. It has no folders: keys start alike."""

    def __init__(self, root: str, query: str) -> None:
        self._fs_module = arrow_file_systems()
        self._fs, self._base = self._fs_module.FileSystem.from_uri(root + query)

    def look(self, keys: Sequence[str]) -> list[Found]:
        infos: Sequence[Any] = self._fs.get_file_info([self._path(key) for key in keys])
        return [self._found(info, key) for info, key in zip(infos, keys, strict=True)]

    def list(self, key: str, recursive: bool) -> list[Found]:
        base = self._path(key)
        selector = self._fs_module.FileSelector(base, allow_not_found=True, recursive=recursive)
        infos: Sequence[Any] = self._fs.get_file_info(selector)
        return [self._found(info, info.path[len(base) :].strip("/")) for info in infos]

    def open(self, key: str) -> Any:
        return self._fs.open_input_file(self._path(key))

    def upload(self, local: str, key: str) -> None:
        # A thread gets no signal. pyarrow cannot abort an upload: one that is given up ends as an
        # object of what was sent. (Its `copy_files` loses the errors of the last request.)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(self._upload, local, key).result()

    def _upload(self, local: str, key: str) -> None:
        arrow, _, _ = arrow_modules("Addresses")
        with arrow.memory_map(local) as source, self._fs.open_output_stream(self._path(key)) as out:
            size = source.size()
            for _ in range(0, size, _SENT):
                out.write(source.read_buffer(_SENT))
                out.flush()  # what is not yet sent is in memory

    def make_folder(self, key: str) -> None:
        pass

    def remove(self, key: str) -> None:
        self._fs.delete_file(self._path(key))

    def _path(self, key: str) -> str:
        return f"{self._base}/{key}" if key else self._base

    def _found(self, info: Any, key: str) -> Found:
        types = self._fs_module.FileType
        kind = {types.NotFound: "", types.Directory: "folder"}.get(info.type, "file")
        return Found(key, kind, info.size or 0, info.mtime_ns or 0)


class FsspecStore(Store):
    """A store that fsspec opens, such as "hf://datasets" or "memory://"."""

    _uploads = threading.Lock()  # a file system of fsspec has one transaction at a time

    def __init__(self, root: str) -> None:
        self._root = root
        scheme = root.partition(":")[0]
        try:
            import fsspec.core

            self._opened = cast("Any", fsspec.core.url_to_fs)
            self._fs = self._opened(root)[0]
        except ImportError as error:
            fact = f"a package that is not installed ({error_line(error)})"
            raise ContractError(f"rollouts: addresses of {scheme}:// need {fact}.") from None

    def look(self, keys: Sequence[str]) -> list[Found]:
        self._fs.invalidate_cache()
        return [self._look(key) for key in keys]

    def _look(self, key: str) -> Found:
        try:
            return _found(self._fs.info(self._path(key)), key)
        except FileNotFoundError:
            return Found(key, "")

    def list(self, key: str, recursive: bool) -> list[Found]:
        base = self._path(key)
        self._fs.invalidate_cache()
        try:
            if recursive:
                infos = list(self._fs.find(base, withdirs=True, detail=True).values())
            else:
                infos = self._fs.ls(base, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        start = len(base.strip("/"))
        found = [_found(info, info["name"].strip("/")[start:].strip("/")) for info in infos]
        return [each for each in found if each.key]  # some list the folder itself

    def open(self, key: str) -> Any:
        arrow, _, _ = arrow_modules("Addresses")
        file = self._fs.open(self._path(key), "rb", cache_type="none")
        if not file.seekable():  # a web server that sends whole files only
            with file:
                copy = tempfile.TemporaryFile()  # noqa: SIM115 (the caller closes it)
                shutil.copyfileobj(file, copy)
            copy.seek(0)
            file = copy
        return arrow.PythonFile(_Reached(f"{self._root}/{key}", file), mode="r")

    def upload(self, local: str, key: str) -> None:
        with self._uploads, self._fs.transaction:  # what is not committed is discarded
            self._fs.put_file(local, self._path(key))

    def make_folder(self, key: str) -> None:
        self._fs.makedirs(self._path(key), exist_ok=True)

    def remove(self, key: str) -> None:
        self._fs.rm_file(self._path(key))

    def _path(self, key: str) -> str:
        return str(self._opened(f"{self._root}/{key}")[1])


class _Reached:
    """A file of fsspec whose errors are an OSError that names it."""

    def __init__(self, name: str, file: Any) -> None:
        self._name, self._file = name, file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, size: int = -1) -> bytes:
        """Some bytes."""
        try:
            return self._file.read(size)
        except Exception as error:  # plug-ins of fsspec raise what they like
            raise store_error(error, self._name) from error


def _found(info: dict[str, Any], key: str) -> Found:
    time = next((info[name] for name in _TIMES if info.get(name) is not None), 0)
    if isinstance(time, datetime):
        time = time.timestamp()
    modified = int(time * 1e9) if isinstance(time, (int, float)) else 0
    kind = "folder" if info["type"] == "directory" else "file"
    return Found(key, kind, info.get("size") or 0, modified)


@functools.lru_cache(maxsize=64)
def store_of(root: str, query: str) -> Store:
    """The store of an address: "s3://bucket" and "?region=eu-west-1".

    >>> store_of("memory://", "").look(["nothing"])
    [Found(key='nothing', kind='', size=0, modified=0)]
    """
    scheme = root.partition(":")[0].lower()
    try:
        return ArrowStore(root, query) if scheme in NATIVE else FsspecStore(root)
    except ContractError:
        raise
    except OSError as error:
        raise store_error(error, root) from error
    except Exception as error:  # pyarrow and plug-ins of fsspec raise what they like
        wanted = "an address that pyarrow or fsspec can open"
        fact = f"{root} ({error_line(error).rstrip('.')})"
        raise ContractError(f"rollouts: a file must be at {wanted}, got {fact}.") from None
