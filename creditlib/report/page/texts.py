"""Texts of rollouts for a reader: nothing in them stays hidden, long ones are cut with a note."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

__all__ = ["PieceTable", "as_text", "visible"]

# Characters that show nothing, or change how others are shown: controls other than tab and line
# feed, invisible and directional format characters, line separators, halves of surrogate pairs,
# noncharacters. Joiners stay, because scripts and emoji need them.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufdd0-\ufdef\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_PICTURES = 0x2400  # Unicode's pictures of control characters, from this one on
_LEFT_OUT = "\n… {:,} characters left out …\n"
_ENDS = ("\n", ". ", "! ", "? ")  # of lines and sentences


def visible(text: str) -> str:
    r"""Text in which each character that would hide or reorder others is a visible sign.

    A control character becomes Unicode's picture of it, any other its code point. A line break of
    two characters becomes one.

    >>> visible("no\x1b[2J luck\r\n\u202eexe.gpj"), visible("\ud800")
    ('no␛[2J luck\n⟨U+202E⟩exe.gpj', '⟨U+D800⟩')
    """
    if text.isascii() and text.isprintable():
        return text
    return _HIDDEN.sub(_sign, text.replace("\r\n", "\n"))


def _sign(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code < 0x20:
        return chr(_PICTURES + code)
    return chr(_PICTURES + 0x21) if code == 0x7F else f"⟨U+{code:04X}⟩"


def as_text(value: object) -> str:
    r"""A value of a turn as text: messages one below the other, anything else as JSON.

    >>> as_text([{"role": "user", "content": "7*8?"}]), as_text({"go": "north"}), as_text(None)
    ('[user]\n7*8?', '{\n "go": "north"\n}', '')
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence) and value and all(map(_is_message, value)):
        messages = cast("Sequence[Mapping[str, Any]]", value)
        return "\n".join(f"[{each['role']}]\n{each['content']}" for each in messages)
    return json.dumps(value, ensure_ascii=False, default=str, indent=1)


def _is_message(value: object) -> bool:
    if not isinstance(value, Mapping):
        return False
    message = cast("Mapping[str, Any]", value)
    texts = (message.get("role"), message.get("content"))
    return len(message) == len(texts) and all(isinstance(text, str) for text in texts)


def _split(text: str) -> list[str]:
    """The lines and sentences of a visible text, which holds no NUL."""
    for end in _ENDS:
        text = text.replace(end, f"{end}\0")
    return text.removesuffix("\0").split("\0")


class PieceTable:
    r"""The lines and sentences of texts, each kept once; a text is the numbers of its pieces.

    A text of more than `limit` characters loses its middle, and a line in its place says how much.
    With a limit of 0 that line is all there is. `pieces` is a list of another table to add to.

    >>> table = PieceTable(limit=100)
    >>> table.add("A hall. It is dark.\nBye."), table.add("It is dark.\nBye.")
    ([0, 1, 2], [1, 2])
    >>> table.pieces
    ['A hall. ', 'It is dark.\n', 'Bye.']
    >>> table = PieceTable(limit=4)
    >>> table.add("abcdefgh"), "".join(table.pieces)
    ([0, 1, 2], 'abc\n… 4 characters left out …\nh')
    """

    def __init__(self, limit: int, pieces: list[str] | None = None) -> None:
        self.limit = limit
        self.pieces: list[str] = [] if pieces is None else pieces
        self.cut = 0
        self.longest = 0
        self._number: dict[str, int] = {}
        self._known: dict[str, list[int]] = {}

    def add(self, text: str) -> list[int]:
        """The numbers of the pieces of a text; none for an empty one."""
        if not text:
            return []
        if text not in self._known:
            self.longest = max(self.longest, len(text))
            self._known[text] = [self._piece(each) for each in self._pieces(text)]
        return self._known[text]

    def _pieces(self, text: str) -> list[str]:
        if len(text) <= self.limit:
            return _split(visible(text))
        self.cut += 1
        note = _LEFT_OUT.format(len(text) - self.limit)
        if not self.limit:
            return [note.strip()]
        tail = self.limit // 4
        head = self.limit - tail
        start, end = visible(text[:head]), visible(text[len(text) - tail :])
        return [*_split(start), note, *_split(end)]

    def _piece(self, piece: str) -> int:
        if piece not in self._number:
            self._number[piece] = len(self.pieces)
            self.pieces.append(piece)
        return self._number[piece]
