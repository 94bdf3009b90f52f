"""An address of a store, such as "s3://bucket/runs/1.parquet", with the methods of a `Path`."""

from __future__ import annotations

import contextlib
import fnmatch
import re
import tempfile
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, BinaryIO, NamedTuple

from creditlib.rollouts.storage_reading import ahead
from creditlib.rollouts.storage_systems import Found, Store, store_error, store_of
from creditlib.vocabulary.messages import ContractError

__all__ = ["WEB", "Address", "AddressStat", "asked_together"]

WEB = ("http", "https")  # schemes of servers that are only read


class AddressStat(NamedTuple):
    """Size and time of a file of a store; 0 where the store does not say when it was written."""

    st_size: int
    st_mtime_ns: int


@dataclass(frozen=True, order=True)
class Address:
    """An address of a store: "s3://bucket" is its root, "runs/1.parquet" its key.

    query: options of the store, such as "?region=eu-west-1", or "".
    found: what a listing said of it; then nobody asks the store again.

    >>> address = Address("s3://bucket", "runs/1.parquet")
    >>> str(address), address.name, str(address.parent / "2.parquet")
    ('s3://bucket/runs/1.parquet', '1.parquet', 's3://bucket/runs/2.parquet')
    """

    root: str
    key: str
    query: str = ""
    found: Found | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.root}/{self.key}{self.query}"

    def __truediv__(self, other: str | PurePath) -> Address:
        return self._at("/".join(each for each in (self.key, str(other)) if each not in ("", ".")))

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """The end of the name from its last dot."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> Address:
        """The folder; the root is its own."""
        return self._at(self.key.rpartition("/")[0])

    @property
    def parts(self) -> tuple[str, ...]:
        """The root, the folders and the name."""
        return (self.root, *(part for part in self.key.split("/") if part))

    @property
    def writable(self) -> bool:
        """Whether the store can be written to: a web server cannot."""
        return self.root.partition(":")[0].lower() not in WEB

    def with_name(self, name: str) -> Address:
        """The file of another name in the same folder."""
        return self.parent / name

    def absolute(self) -> Address:
        """The address itself."""
        return self

    def exists(self) -> bool:
        """Whether there is a file or a folder."""
        return self._look().kind != ""

    def is_file(self) -> bool:
        """Whether there is a file."""
        return self._look().kind == "file"

    def is_dir(self) -> bool:
        """Whether there is a folder, or a key that starts with this one and a slash."""
        return self._look().kind == "folder"

    def stat(self) -> AddressStat:
        """Its size and time."""
        found = self._look()
        if not found.kind:
            raise store_error(FileNotFoundError(), str(self))
        return AddressStat(found.size, found.modified)

    def iterdir(self) -> Iterator[Address]:
        """What the folder holds."""
        yield from self._list(recursive=False)

    def glob(self, pattern: str) -> Iterator[Address]:
        """What lies below and matches; `**` is any number of folders."""
        first, _, rest = pattern.partition("/")
        if first == "**":
            for each in self._list(recursive=True):
                if _matches(each.parts[len(self.parts) :], pattern.split("/")):
                    yield each
            return
        if re.search(r"[*?\[]", first):
            matches = [each for each in self.iterdir() if fnmatch.fnmatchcase(each.name, first)]
        else:
            matches = [self / first]
        for each in matches:
            if not rest:
                if each.exists():
                    yield each
            elif each.is_dir():
                yield from each.glob(rest)

    def open(self, mode: str = "rb") -> BinaryIO:
        """The file to read; it asks for more and more at once while one reads on."""
        return ahead(str(self), self.open_native())

    def open_native(self) -> Any:
        """The file as one of pyarrow, which reads the ranges that it is asked for."""
        with self._named():
            return self._store().open(self.key)

    def read_bytes(self) -> bytes:
        """All bytes of the file."""
        with self.open() as file:
            return file.read()

    def read_text(self, encoding: str = "utf-8") -> str:
        """The file as text."""
        return self.read_bytes().decode(encoding)

    @contextlib.contextmanager
    def replaced(self) -> Generator[BinaryIO]:
        """A file to write to; it is uploaded as one object when the block ends without an error.

        Until then it is a temporary file of this machine. A store has no rename, but an object
        appears when its upload ends: an upload that fails leaves the old object as it was.
        """
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder) / "part"
            with local.open("wb") as file:
                yield file
            with self._named():
                self._store().upload(str(local), self.key)

    def mkdir(self, parents: bool = True, exist_ok: bool = True) -> None:
        """Make the folder where the store has real ones."""
        with self._named():
            self._store().make_folder(self.key)

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the file."""
        if replace(self, found=None).is_file():
            with self._named():
                self._store().remove(self.key)
        elif not missing_ok:
            raise store_error(FileNotFoundError(), str(self))

    def _at(self, key: str) -> Address:
        return Address(self.root, key, self.query)

    def _store(self) -> Store:
        return store_of(self.root, self.query)

    def _look(self) -> Found:
        found = asked_together([self])[0].found
        return Found(self.key, "") if found is None else found

    def _list(self, recursive: bool) -> list[Address]:
        with self._named():
            listed = self._store().list(self.key, recursive)
        return [replace(self / each.key, found=each) for each in listed]

    @contextlib.contextmanager
    def _named(self) -> Generator[None]:
        """Errors of a store become an OSError that names the address."""
        try:
            yield
        except ContractError:
            raise
        except Exception as error:  # plug-ins of fsspec raise what they like
            raise store_error(error, str(self)) from error


def _matches(names: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether folders and a name match a pattern, part by part."""
    if not pattern:
        return not names
    first, *rest = pattern
    if first == "**":
        return any(_matches(names[at:], rest) for at in range(len(names) + 1))
    return bool(names) and fnmatch.fnmatchcase(names[0], first) and _matches(names[1:], rest)


def asked_together(given: Sequence[Address]) -> list[Address]:
    """Addresses with what their stores say now; those of one store are asked for together."""
    found = list(given)
    stores: dict[tuple[str, str], list[int]] = {}
    for at, each in enumerate(given):
        if each.found is None:
            stores.setdefault((each.root, each.query), []).append(at)
    for (root, query), where in stores.items():
        keys = [given[at].key for at in where]
        try:
            answers = store_of(root, query).look(keys)
        except ContractError:
            raise
        except Exception as error:  # plug-ins of fsspec raise what they like
            raise store_error(error, str(given[where[0]])) from error
        for at, answer in zip(where, answers, strict=True):
            found[at] = replace(given[at], found=answer)
    return found
