"""Where files lie: a path of this machine, or an address of a store such as "s3://bucket/runs"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import TypeAlias
from urllib.request import url2pathname

from creditlib.rollouts.addresses import WEB, Address, asked_together
from creditlib.rollouts.storage_systems import NATIVE, store_error
from creditlib.vocabulary.messages import ContractError

__all__ = ["Location", "below", "check_reached", "location", "looked_up"]

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)://([^/?]*)/?(.*)", re.IGNORECASE | re.DOTALL)
_COLLAPSED = re.compile(r"[a-z][a-z0-9+.-]+:/(?!/)", re.IGNORECASE)
_QUERY = re.compile(r"\?(?=[A-Za-z_]\w*=).*", re.DOTALL)  # "?" is a wildcard elsewhere
_OF_STORE = ("AWS Error", "google::cloud")  # in pyarrow's errors of a store

Location: TypeAlias = Path | Address


def location(path: str | Location) -> Location:
    """A path, or the address that a text holds; "file:///runs" is the path /runs.

    >>> location("file:///runs/1.parquet") == location("/runs/1.parquet") == Path("/runs/1.parquet")
    True
    >>> location("s3://bucket/runs/?region=eu-west-1")
    Address(root='s3://bucket', key='runs', query='?region=eu-west-1')
    """
    text = str(path)
    whole = _ADDRESS.fullmatch(text) if isinstance(path, str) else None
    if whole is None:
        if _COLLAPSED.match(text) and not Path(Path(text).parts[0]).exists():
            wanted = "the address of a file must be a text with `://`"
            raise ContractError(f"rollouts: {wanted}, got {path!r}.")
        return path if isinstance(path, Address) else Path(path)
    scheme, authority, key = whole.groups()
    if scheme.lower() == "file":
        if authority not in ("", "localhost"):
            wanted = "an address of file:// must name a file of this machine, such as file:///runs"
            raise ContractError(f"rollouts: {wanted}, got {text!r}.")
        return Path(url2pathname(f"/{key}"))
    query = ""
    if scheme.lower() in WEB:
        key, mark, query = key.partition("?")
        query = mark + query
    elif scheme.lower() in NATIVE and (asked := _QUERY.search(key)):
        key, query = key[: asked.start()], asked[0]
    return Address(f"{scheme}://{authority}", key.strip("/"), query)


def below(path: Location, folder: Location) -> PurePath:
    """What follows a folder in the path of a file in it.

    >>> str(below(location("s3://bucket/runs/a/1.jsonl"), location("s3://bucket/runs/")))
    'a/1.jsonl'
    """
    return PurePath(*path.parts[len(folder.parts) :])


def check_reached(path: str | Location, error: Exception) -> None:
    """Raise an error of a store, such as a lost connection; one of the content passes.

    Only so does an outage not count as a broken file.
    """
    if isinstance(location(path), Address):
        if isinstance(error, OSError) and error.errno is not None:
            raise error
        if any(mark in str(error) for mark in _OF_STORE):
            raise store_error(error, str(path)) from error


def looked_up(paths: Iterable[Location]) -> list[Location]:
    """Addresses with what their stores say now; those of one store are asked for together.

    Paths stay as they are.
    """
    given = list(paths)
    asked = iter(asked_together([each for each in given if isinstance(each, Address)]))
    return [next(asked) if isinstance(each, Address) else each for each in given]
