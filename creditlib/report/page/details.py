"""The turns of groups, packed: texts as far as they fit, rewards, and peers by observation."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from creditlib.report.page.page_data import Printed, printed
from creditlib.report.page.texts import PieceTable, as_text
from creditlib.report.reasons import Peers, Reads, Spread, peers_of_group
from creditlib.report.summary import GroupFacts
from creditlib.rollouts import Rollouts

__all__ = ["Packed", "joins_observations", "packed_details"]

Array: TypeAlias = "np.ndarray[Any, Any]"

# Characters of one text that are kept: the first at which all texts fit, or the last.
_LIMITS = (20_000, 8_000, 3_000, 1_200, 500, 200)


@dataclass(frozen=True)
class Packed:
    """The details of each group, compressed, and what was cut so that they fit.

    details: base64 of raw deflate of JSON, by group. whole: how many groups have their texts, which
    are the first ones. limit: the characters of one text that are kept. cut: how many different
    texts are longer, counted in each group that has texts. part: how many trajectories of the only
    group that has texts have them; None if all do.
    """

    details: list[str]
    whole: int
    limit: int
    cut: int
    part: int | None = None


def joins_observations(rollouts: Rollouts, rows: Sequence[int]) -> bool:
    """Whether two turns of a group have one anchor and different observations."""
    anchor = rollouts.tensors.get("anchor")
    if anchor is None:
        return False
    found: dict[int, str] = {}
    for row in rows:
        turns = rollouts.trajectories[row]["turns"]
        for turn, each in zip(turns, anchor[row, : len(turns)].tolist(), strict=True):
            text = as_text(turn.get("observation"))
            if each >= 0 and found.setdefault(each, text) != text:
                return True
    return False


def packed_details(
    rollouts: Rollouts,
    groups: Sequence[GroupFacts],
    shown: Sequence[Sequence[int]],
    reads: Sequence[Reads],
    returns: Mapping[float, Array],
    room: int,
) -> Packed:
    """The details of groups in at most `room` characters, if they fit without texts.

    `shown` are the trajectories of each group that stand on the page. Texts are cut at the first of
    some lengths at which all of them fit. If they do not fit at the shortest one, the last groups
    have none. If not even the first group fits, its last trajectories have none.
    """
    gammas = [each.gamma for each in reads]
    peers = [
        _of_rows(peers_of_group(rollouts, group.rows, returns), rows)
        for group, rows in zip(groups, shown, strict=True)
    ]

    def detail(number: int, table: PieceTable, most: int | None = None) -> str:
        texts = set(shown[number][:most])
        return _compressed(
            _detail(rollouts, shown[number], texts, peers[number], gammas, returns, table)
        )

    bare = [detail(number, PieceTable(0)) for number in range(len(groups))]
    packed = Packed(bare, 0, 0, 0)
    longest = _LIMITS[0] + 1
    for limit in _LIMITS:
        if limit >= longest:
            continue  # nothing more would be cut
        longest = 0
        space = room - sum(map(len, bare))
        found: list[str] = []
        cut = 0
        for number in range(len(groups)):
            table = PieceTable(limit)
            with_texts = detail(number, table)
            longest = max(longest, table.longest)
            space -= len(with_texts) - len(bare[number])
            if space < 0:
                break
            found.append(with_texts)
            cut += table.cut
        packed = Packed([*found, *bare[len(found) :]], len(found), limit, cut)
        if packed.whole == len(groups):
            return packed
    most = 0 if packed.whole else len(shown[0])
    while most := most // 2:
        table = PieceTable(_LIMITS[-1])
        with_texts = detail(0, table, most)
        if sum(map(len, bare)) - len(bare[0]) + len(with_texts) <= room:
            return Packed([with_texts, *bare[1:]], 1, _LIMITS[-1], table.cut, most)
    return packed


def _of_rows(peers: Sequence[Peers], rows: Sequence[int]) -> list[Peers]:
    """The peers that have a turn of these trajectories."""
    wanted = set(rows)
    return [each for each in peers if any(row in wanted for row, _ in each.turns)]


def _detail(
    rollouts: Rollouts,
    rows: Sequence[int],
    texts: Set[int],
    peers: Sequence[Peers],
    gammas: Sequence[float],
    returns: Mapping[float, Array],
    table: PieceTable,
) -> dict[str, Any]:
    """The turns of a group as lists, see page.html.jinja, and its peers by observation.

    `texts` are the trajectories that have their texts.
    """
    bare = PieceTable(0, table.pieces)
    at = {place: number for number, each in enumerate(peers) for place in each.turns}
    turns: list[list[Any]] = []
    for row in rows:
        rewards: list[float] = rollouts.tensors["turn_reward"][row].tolist()
        ahead = [returns[gamma][row].tolist() for gamma in gammas]
        add = (table if row in texts else bare).add
        turns.append(
            [
                [
                    add(as_text(turn.get("observation"))),
                    add(as_text(turn.get("text"))),
                    add(as_text(turn.get("action"))),
                    printed(rewards[k], 6),
                    at.get((row, k), -1),
                    [printed(each[k]) for each in ahead],
                ]
                for k, turn in enumerate(rollouts.trajectories[row]["turns"])
            ]
        )
    return {
        "pieces": table.pieces,
        "turns": turns,
        "peers": [
            [
                len(each.turns),
                each.trajectories,
                [_printed_spread(each.returns[gamma]) for gamma in gammas],
            ]
            for each in peers
        ],
    }


def _compressed(detail: Mapping[str, Any]) -> str:
    pressed = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    text = json.dumps(detail, separators=(",", ":"), ensure_ascii=False)
    return base64.b64encode(pressed.compress(text.encode()) + pressed.flush()).decode()


def _printed_spread(spread: Spread) -> list[Printed]:
    return [printed(spread.mean), printed(spread.std)]
