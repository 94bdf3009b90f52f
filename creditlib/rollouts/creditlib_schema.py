"""creditlib's own format: one trajectory per row, in the schema of `docs/rollouts.md`."""

from __future__ import annotations

from collections.abc import Sequence

from creditlib.rollouts.rollout_format import Converted, RolloutFormat, Row

__all__ = ["CREDITLIB"]


def _convert(rows: Sequence[Row], places: Sequence[str]) -> Converted:
    """The rows as they are; `from_trajectories` checks every key."""
    return Converted(rows, places)


CREDITLIB = RolloutFormat(
    name="creditlib",
    keys=frozenset(("turns",)),
    convert=_convert,
    written_by="`creditlib.rollouts.write`",
)
