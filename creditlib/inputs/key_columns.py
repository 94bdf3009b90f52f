"""The bytes of many keys of one kind at a time; ids.py encodes one key of any kind."""

from __future__ import annotations

import struct
from collections.abc import Callable, Hashable, Sequence
from typing import Any, cast

__all__ = ["encoded_column", "hashable_column"]


def encoded_column(keys: Sequence[Any]) -> list[bytes] | None:
    """The bytes of each key; None unless all are of one kind that is encoded column by column.

    These kinds are texts, bytes, integers, floats and flags of Python, and tuples or lists of one
    length whose items at each place are of one such kind.

    >>> encoded_column(["a", "b"]), encoded_column([1, True])
    ([b'sa', b'sb'], None)
    """
    kind = _only_kind(keys)
    if kind in _SINGLE:
        return _SINGLE[kind](keys)
    if kind in _TAGS and _has_plain_columns(keys):
        return _encode_rows(keys, _TAGS[kind])
    return None


def hashable_column(keys: Sequence[Any]) -> Sequence[Hashable] | None:
    """The keys as values that Python finds equal only if they are one key; None if it may err.

    Python finds 1, 1.0 and True equal, but never two values of one plain kind that are not one
    key: 0.0 and -0.0 are one. None may stand beside texts.

    >>> hashable_column([[1, "a"], [2, "b"]])
    [(1, 'a'), (2, 'b')]
    """
    kinds = set(map(type, keys))
    if kinds == {str, type(None)} or (len(kinds) == 1 and kinds <= _SINGLE.keys()):
        return keys
    if kinds in ({tuple}, {list}) and _has_plain_columns(keys):
        return keys if kinds == {tuple} else list(map(tuple, keys))
    return None


def _only_kind(keys: Sequence[Any]) -> type | None:
    kinds = set(map(type, keys))
    return kinds.pop() if len(kinds) == 1 else None


def _has_plain_columns(rows: Sequence[Sequence[Any]]) -> bool:
    """Whether all rows have one length, and the items at each place are of one plain kind."""
    if len(set(map(len, rows))) != 1:
        return False
    columns = zip(*rows, strict=True)
    return all(_only_kind(cast("Sequence[Any]", column)) in _SINGLE for column in columns)


def _encode_texts(texts: Sequence[str]) -> list[bytes]:
    """One encoding of all texts, cut again where a character stands that none of them holds."""
    joined = "\0s".join(texts)
    if joined.count("\0") == len(texts) - 1:
        return ("s" + joined).encode("utf-8", "surrogatepass").split(b"\0")
    return [b"s" + text.encode("utf-8", "surrogatepass") for text in texts]


def _encode_integers(numbers: Sequence[int]) -> list[bytes]:
    return [b"i%x" % number for number in numbers]


def _encode_bytes(items: Sequence[bytes]) -> list[bytes]:
    return [b"b" + item for item in items]


def _encode_floats(numbers: Sequence[float]) -> list[bytes]:
    return [b"f" + (number + 0.0).hex().encode() for number in numbers]  # -0.0 + 0.0 is 0.0


def _encode_flags(flags: Sequence[bool]) -> list[bytes]:
    return [b"o1" if flag else b"o0" for flag in flags]


_SINGLE: dict[type | None, Callable[[Sequence[Any]], list[bytes]]] = {
    str: _encode_texts,
    int: _encode_integers,
    bytes: _encode_bytes,
    float: _encode_floats,
    bool: _encode_flags,
}
_TAGS: dict[type | None, bytes] = {tuple: b"(", list: b"["}


def _encode_rows(rows: Sequence[Sequence[Any]], tag: bytes) -> list[bytes]:
    """The tag and the items with their lengths, as for one tuple or list."""
    if not len(rows[0]):
        return [tag] * len(rows)
    columns: list[list[bytes]] = []
    for items in zip(*rows, strict=True):
        parts = _SINGLE[type(items[0])](items)
        length = {size: struct.pack(">Q", size) for size in set(map(len, parts))}
        columns += [list(map(length.__getitem__, map(len, parts))), parts]
    return [tag + b"".join(row) for row in zip(*columns, strict=True)]
