"""The formats that `read` knows; a new format is one file and one entry of `FORMATS`."""

from __future__ import annotations

import pkgutil
from typing import Any

from creditlib.rollouts.atif import ATIF
from creditlib.rollouts.atropos import ATROPOS
from creditlib.rollouts.chat import CHAT
from creditlib.rollouts.creditlib_schema import CREDITLIB
from creditlib.rollouts.inspect_logs import INSPECT
from creditlib.rollouts.nemo_gym import NEMO_GYM
from creditlib.rollouts.rollout_format import RolloutFormat, Row
from creditlib.rollouts.storage import Location
from creditlib.rollouts.trl import TRL
from creditlib.rollouts.verifiers import VERIFIERS
from creditlib.rollouts.verifiers_results import VERIFIERS_RESULTS
from creditlib.rollouts.verl import VERL
from creditlib.vocabulary.messages import (
    ContractError,
    contract_error,
    did_you_mean,
    error_line,
    one_line,
)

__all__ = [
    "AUTO",
    "FORMATS",
    "detect_format",
    "files_of_folder",
    "find_format",
    "format_names",
    "formats_table",
]

AUTO = "auto"
_SHOWN = 20  # keys in a sentence

# `read` compares the first row with the formats in this order.
_KNOWN = (
    *(CREDITLIB, VERL, TRL, ATIF, VERIFIERS, VERIFIERS_RESULTS, NEMO_GYM, ATROPOS, INSPECT),
    CHAT,  # the last one: its keys are the most common ones
)
FORMATS: dict[str, RolloutFormat] = {each.name: each for each in _KNOWN}


def format_names() -> str:
    """The names in a sentence.

    >>> format_names()
    'creditlib, verl, trl, atif, verifiers, verifiers_results, nemo_gym, atropos, inspect or chat'
    """
    *first, last = FORMATS
    return f"{', '.join(first)} or {last}"


def find_format(asked: str | RolloutFormat) -> RolloutFormat | None:
    """The format asked for: a name, "package.module:NAME" or a format; None stands for "auto"."""
    if isinstance(asked, RolloutFormat):
        return asked
    if asked == AUTO:
        return None
    if asked in FORMATS:
        return FORMATS[asked]
    choices = ", ".join(repr(name) for name in (AUTO, *FORMATS))
    if not (isinstance(asked, str) and ":" in asked):
        wanted = f"one of {choices}, a RolloutFormat or 'package.module:NAME'"
        near = did_you_mean(asked, (AUTO, *FORMATS))
        raise contract_error("read", "format", wanted, f"{asked!r}{near}")
    found, fact = _imported(asked)
    if isinstance(found, RolloutFormat):
        return found
    raise contract_error("read", "format", "an import path of a RolloutFormat", fact)


def _imported(path: str) -> tuple[Any, str]:
    """What lies at an import path, and what a message says of it."""
    try:
        found: Any = pkgutil.resolve_name(path)
    except (Exception, SystemExit) as error:  # third-party code may raise anything
        return None, f"{path!r} ({error_line(error)})"
    return found, f"{path!r}, which is {type(found).__name__}"


def detect_format(row: Row, file: Location, *, keyed: bool = False) -> RolloutFormat:
    """The first format whose keys the row has; `keyed`: the user named the keys of a chat."""
    for each in FORMATS.values():
        if each.matches(row):
            return each
    if keyed:
        return CHAT
    names = [f"`{one_line(key)}`" for key in list(row)[:_SHOWN]]
    more = f" and {len(row) - _SHOWN} more" if len(row) > _SHOWN else ""
    keys = f"{', '.join(names)}{more}" if names else "of none"
    raise ContractError(
        f"rollouts: {file} must hold rows of the format {format_names()}, got the keys {keys}; "
        "name its keys by `keys=` or `--key`, or convert them with "
        "`creditlib.rollouts.from_trajectories`."
    )


def files_of_folder(folder: Location, asked: RolloutFormat | None) -> list[Location]:
    """The files to read of a folder that a format knows the layout of; none of any other folder."""
    for each in FORMATS.values() if asked is None else (asked,):
        found = () if each.files is None else each.files(folder)
        if found:
            return list(found)
    return []


def formats_table() -> str:
    """The table of formats in `docs/rollouts.md`.

    >>> print(formats_table().splitlines()[0])
    | `format=` | written by | keys of the first row | options of `read` |
    """
    lines = ["| `format=` | written by | keys of the first row | options of `read` |"]
    lines.append("|---|---|---|---|")
    for each in FORMATS.values():
        keys = each.detected_by or ", ".join(f"`{key}`" for key in sorted(each.keys))
        options = ", ".join(f"`{option}`" for option in each.options) or "–"
        lines.append(f"| `{each.name}` | {each.written_by} | {keys} | {options} |")
    return "\n".join(lines)
