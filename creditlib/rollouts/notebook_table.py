"""What a notebook shows of rollouts: counts, tensors and the first rows, as HTML."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from torch import Tensor

from creditlib.vocabulary.messages import describe_value, one_line

__all__ = ["notebook_table"]

_ROWS = 5
_TEXT = 60  # characters of a text


def notebook_table(
    title: str,
    tensors: Mapping[str, Tensor],
    trajectories: Sequence[Mapping[str, Any]],
    notes: Sequence[str] = (),
) -> str:
    """A heading, the tensors with their dtype and shape, the first five rows, and the notes.

    Texts of rollouts are shortened, lose their control characters and are escaped, so nothing in
    them is executed. The colours are those of the notebook.

    >>> row = {"group": "<b>", "id": "x", "outcome": 1.0, "turns": [{"text": "dig"}]}
    >>> found = notebook_table("1 row", {}, [row])
    >>> "<td>&lt;b&gt;</td><td>x</td><td>1</td><td>1</td><td></td><td>dig</td>" in found
    True
    """
    described = "; ".join(f"{_text(name)} {_text(_kind(x))}" for name, x in sorted(tensors.items()))
    head = "".join(f"<th>{name}</th>" for name in _HEADINGS)
    rows = "".join(f"<tr>{_cells(each)}</tr>" for each in islice(trajectories, _ROWS))
    left = len(trajectories) - _ROWS
    more = f"<p>{left:,} more row{'' if left == 1 else 's'}</p>" if left > 0 else ""
    said = "".join(f"<p>{html.escape(one_line(note))}</p>" for note in notes)
    tensor_line = f"<p>tensors: {described}</p>" if described else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f"<div><p><b>{_text(title)}</b></p>{tensor_line}{table}{more}{said}</div>"


_HEADINGS = ("group", "id", "outcome", "turns", "first observation", "first action")


def _cells(row: Mapping[str, Any]) -> str:
    turns, outcome = row["turns"], row["outcome"]
    first = turns[0] if turns else {}
    values = (
        row["group"],
        row.get("id"),
        "none" if outcome is None else f"{outcome:.4g}",
        len(turns),
        first.get("observation"),
        first.get("text"),
    )
    return "".join(f"<td>{_text(value)}</td>" for value in values)


def _text(value: object) -> str:
    """A value as one short line of HTML."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    line = one_line(text[: 4 * _TEXT])
    whole = len(line) <= _TEXT and len(text) <= 4 * _TEXT
    return html.escape(line if whole else line[: _TEXT - 1] + "…")


def _kind(tensor: Tensor) -> str:
    return describe_value(tensor).removeprefix("torch.")
