"""JSON files as rows: one object a line, an array of objects, or one object over several lines."""

from __future__ import annotations

import codecs
import json
import re
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from creditlib.rollouts.storage import Location
from creditlib.vocabulary.messages import ContractError, one_line

__all__ = ["json_rows", "json_value"]

Row = dict[str, Any]

_SPACE = re.compile(r"[ \t\n\r]*")
_BOM = "\ufeff"
_COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"PK\x03\x04": "zip",
}
_EXTRA = "Extra data"  # what the json module says of text behind a whole value


class _RepeatedKeyError(ValueError):
    """An object has the same key twice."""


def _object(pairs: list[tuple[str, Any]]) -> Row:
    """An object whose keys are distinct; the json module itself keeps the last of equal keys."""
    found = {sys.intern(key): value for key, value in pairs}  # each line has its own keys
    if len(found) != len(pairs):
        seen: set[str] = set()
        raise _RepeatedKeyError(next(key for key, _ in pairs if key in seen or seen.add(key)))
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


def json_value(text: str) -> Any:
    """The value of a JSON text; ValueError or RecursionError if it is none.

    >>> json_value('{"door": "open"}')
    {'door': 'open'}
    """
    return _DECODER.decode(text)


def json_rows(path: Location, file: BinaryIO) -> Iterator[tuple[str, Row]]:
    """Every object of an open file, with the place that a message names.

    The first character decides, not the name of the file: "[" starts an array.
    """
    head = file.read(4096)
    file.seek(0)
    _check_text(path, head)
    start = head.removeprefix(_BOM.encode()).lstrip(b" \t\r\n")[:1]
    yield from _array_rows(path, file.read()) if start == b"[" else _line_rows(path, file)


def _check_text(path: Location, head: bytes) -> None:
    """Refuse a file that is compressed or of another encoding, by its first bytes."""
    for magic, kind in _COMPRESSED.items():
        if head.startswith(magic):
            raise ContractError(
                f"rollouts: a file must be JSON text or Parquet, got {kind} data in {path}; "
                "decompress it."
            )
    marked = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE))
    if marked or (len(head) > 1 and (head[0] == 0) != (head[1] == 0)):
        raise ContractError(
            f"rollouts: a file must be UTF-8 text, got UTF-16 or UTF-32 in {path}; save it as "
            "UTF-8."
        )


def _line_rows(path: Location, file: BinaryIO) -> Iterator[tuple[str, Row]]:
    offset, first = 0, True
    for number, line in enumerate(file, start=1):
        if line.strip():
            place = f"{path} line {number}"
            text = _decoded(line, offset, place)
            try:
                row = _DECODER.decode(text)
            except (ValueError, RecursionError) as error:
                open_end = first and isinstance(error, json.JSONDecodeError) and error.msg != _EXTRA
                whole = _one_object(path, file, text, offset + len(line)) if open_end else None
                if whole is None:
                    raise _fault(error, "a line must be one JSON object", place) from None
                yield str(path), whole
                return
            if not isinstance(row, dict):
                raise _not_an_object("a line", row, place)
            yield place, cast(Row, row)
            first = False
        offset += len(line)


def _one_object(path: Location, file: BinaryIO, first: str, offset: int) -> Row | None:
    """The object that starts in the first line and ends with the file, None if there is none."""
    rest = file.read()
    if not (first.lstrip().startswith("{") and rest.strip()):
        return None
    text = first + _decoded(rest, offset, str(path))
    try:
        found = _DECODER.decode(text)
    except _RepeatedKeyError as error:
        raise _fault(error, "", str(path)) from None
    except json.JSONDecodeError as error:
        if error.msg == _EXTRA:  # the first object is whole
            raise ContractError(
                "rollouts: a line must be one JSON object, got objects over several lines in "
                f"{path}; write each on one line, or all of them as one array."
            ) from None
        if path.suffix != ".json":
            return None
        raise _fault(error, "a file must be one JSON value", str(path)) from None
    except (ValueError, RecursionError):
        return None
    return cast("Row", found)


def _array_rows(path: Location, data: bytes) -> Iterator[tuple[str, Row]]:
    text = _decoded(data, 0, str(path))
    del data
    position = _skip(text, text.index("[") + 1)
    number = 0
    while number or text[position : position + 1] != "]":
        number += 1
        place = f"{path} item {number}"
        try:
            row, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise _fault(error, "an item must be one JSON object", place) from None
        if not isinstance(row, dict):
            raise _not_an_object("an item", row, place)
        yield place, cast(Row, row)
        position = _skip(text, position)
        mark = text[position : position + 1]
        if mark == "]":
            break
        if mark != ",":
            error = json.JSONDecodeError("Expecting ',' delimiter", text, position)
            raise _fault(error, "a file must be one JSON array", place)
        position = _skip(text, position + 1)
    end = _skip(text, position + 1)
    if end < len(text):
        error = json.JSONDecodeError(_EXTRA, text, end)
        raise _fault(error, "a file must be one JSON array", str(path))


def _skip(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    return position if space is None else space.end()


def _decoded(data: bytes, offset: int, place: str) -> str:
    """UTF-8 as text without a byte order mark; `offset` is where the data starts in its file."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        byte = data[error.start]
        raise ContractError(
            f"rollouts: a file must be UTF-8 text, got the byte 0x{byte:02x} at offset "
            f"{offset + error.start} in {place}; save it as UTF-8."
        ) from None
    return text[1:] if text.startswith(_BOM) else text


def _not_an_object(noun: str, value: object, place: str) -> ContractError:
    kind = type(value).__name__
    return ContractError(f"rollouts: {noun} must be one JSON object, got {kind} in {place}.")


def _fault(error: Exception, wanted: str, place: str) -> ContractError:
    """The sentence on text that is no JSON: the column, or the key that an object has twice.

    A place that is a line gets the column; another one gets both.
    """
    if isinstance(error, _RepeatedKeyError):
        return ContractError(
            f"rollouts: an object must have each key once, got `{one_line(error)}` twice in "
            f"{place}; leave one of them out."
        )
    if isinstance(error, RecursionError):
        return ContractError(f"rollouts: {wanted}, got JSON nested too deeply in {place}.")
    if not isinstance(error, json.JSONDecodeError):  # what else the json module refuses
        return ContractError(f"rollouts: {wanted}, got an integer of too many digits in {place}.")
    of_line = re.search(r" line \d+$", place)
    where = f"line {error.lineno} column {error.colno}"
    if of_line:  # the text ends with its line break, which is no column
        where = f"column {min(error.pos, len(error.doc.rstrip())) + 1}"
    return ContractError(
        f"rollouts: {wanted}, got text that is not JSON in {place} {where} ({error.msg})."
    )
