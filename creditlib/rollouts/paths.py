"""The files that a user names: files, folders, patterns, and standard input."""

from __future__ import annotations

import glob
import re
from pathlib import PurePath
from typing import Any

from creditlib.rollouts.addresses import Address
from creditlib.rollouts.compressed import PACKED
from creditlib.rollouts.disk import STANDARD_INPUT, is_credit_file
from creditlib.rollouts.formats import files_of_folder
from creditlib.rollouts.rollout_format import RolloutFormat
from creditlib.rollouts.storage import Location, below, location
from creditlib.vocabulary.messages import contract_error

__all__ = ["SUFFIXES", "files_of_path", "is_rollout_file"]

SUFFIXES = (".json", ".jsonl", ".parquet")


def is_rollout_file(path: Location) -> bool:
    """Whether a folder stands for a file of this name; what `credit` wrote is left out.

    >>> [is_rollout_file(location(name)) for name in ("1.jsonl.gz", "1.txt", "1.credit.parquet")]
    [True, False, False]
    """
    name = PurePath(path.stem if path.suffix in PACKED else path.name)
    return name.suffix in SUFFIXES and not is_credit_file(path)


def files_of_path(
    function: str, argument: str, path: str | Location, asked: RolloutFormat | None = None
) -> tuple[list[Location], Location]:
    """The files that a path stands for, in order, and the folder that the user named.

    A folder stands for its `*.json`, `*.jsonl` and `*.parquet` files and those with `.gz` or `.zst`
    behind, or for what a format knows of its layout; "-" for standard input; and a pattern such as
    "runs/**/*.jsonl", where `**` is any number of folders, for the files that it matches. Numbers
    in names are ordered as numbers. A path of nothing else is one file, whether it is there or not.
    All this holds for addresses, too, such as "s3://bucket/runs/**/*.jsonl". `function` and
    `argument` are for the sentence on a path that is none.
    """
    if "\0" in str(path):
        wanted = "the path of a file or a folder"
        raise contract_error(function, argument, wanted, repr(str(path)))
    found = location(path)
    if str(path) == "-":
        return [STANDARD_INPUT], found.parent
    if found.is_dir():
        files = files_of_folder(found, asked)
        own = (file for file in found.iterdir() if is_rollout_file(file))
        return files or sorted(own, key=_by_number), found
    if not _has_wildcard(found) or found.exists():
        return [found], found.parent
    parent = _fixed_part(found)
    matches = parent.glob(str(below(found, parent)))
    files = [file for file in matches if file.is_file() and not is_credit_file(file)]
    return sorted(files, key=_by_number), parent


def _has_wildcard(path: Location) -> bool:
    return glob.has_magic(path.key if isinstance(path, Address) else str(path))


def _fixed_part(pattern: Location) -> Location:
    """The folders of a pattern before its first wildcard."""
    while _has_wildcard(pattern):
        pattern = pattern.parent
    return pattern


def _by_number(file: Location) -> tuple[list[Any], list[Any]]:
    """Folder by folder, a folder before those in it; '10.jsonl' comes after '2.jsonl'."""
    return [_numbers(part) for part in file.parent.parts], _numbers(file.name)


def _numbers(name: str) -> list[tuple[int, str]]:
    """Splits '10.jsonl' into (10, ''), (0, '.jsonl'): step 10 comes after step 2."""
    parts = re.findall(r"\d+|\D+", name)
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]
