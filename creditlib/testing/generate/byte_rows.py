"""Trajectories from bytes: groups, turns and tokens, and what a rollout was branched from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["COUNTS", "HEAD", "TURNS", "Row", "branches_of", "groups_of", "row_of"]

TURNS = 4  # the largest number of turns of a trajectory
HEAD = 5 + 2 * TURNS  # group, valid, turns, lead, tail; size and gap of each turn
COUNTS = (1, 2, 0, 3, TURNS)


@dataclass(frozen=True)
class Row:
    """A trajectory: its bytes, and the turn of each token (-1: the policy did not write it)."""

    raw: bytes
    valid: bool
    sizes: list[int]
    turn: list[int]


def groups_of(rows: Sequence[bytes], group_size: int) -> list[int]:
    """Group ids: a trajectory joins the previous one or any earlier one, or starts a group.

    Ids refer to other trajectories, so that shrinking one of them keeps the other groups.
    """
    if group_size:
        return [number // group_size for number in range(len(rows))]
    groups: list[int] = []
    for number, raw in enumerate(rows):
        action, which = raw[0] % 3, raw[0] // 3
        if not number:
            groups.append(0)
        elif action == 1:
            groups.append(max(groups) + 1)
        else:
            groups.append(groups[which % number if action == 2 else -1])
    return groups


def row_of(raw: bytes) -> Row:
    """The trajectory that a string of bytes stands for."""
    count = COUNTS[raw[2] % len(COUNTS)]
    sizes = [1 + raw[5 + k] % 3 for k in range(count)]
    turn = [-1] * (raw[3] % 3)
    for k, size in enumerate(sizes):
        turn += [k] * size + [-1] * (raw[5 + TURNS + k] % 3 if k + 1 < count else 0)
    turn += [-1] * (raw[4] % 3)
    return Row(raw, raw[1] % 4 != 3, sizes, turn)


def branches_of(rows: list[Row], groups: list[int]) -> dict[str, list[int]]:
    """Ids of rollouts; a branch is of an earlier rollout of its group that is no branch itself."""
    found: dict[str, list[int]] = {"rollout": [], "branch_of": [], "branch_at": []}
    for number, row in enumerate(rows):
        earlier = [at for at in range(number) if groups[at] == groups[number]]
        roots = [at for at in earlier if found["branch_of"][at] < 0]
        which = row.raw[4] // 3
        source = roots[which // 2 % len(roots)] if roots and which % 2 else None
        found["rollout"].append(5 * number + 3)
        found["branch_of"].append(-1 if source is None else found["rollout"][source])
        written = 0 if source is None else sum(rows[source].sizes)
        found["branch_at"].append(row.raw[3] // 3 % (written + 1))
    return found
