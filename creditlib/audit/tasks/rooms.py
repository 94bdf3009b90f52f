"""rooms: a corridor in which a wrong action goes back, so that states repeat."""

from __future__ import annotations

from collections.abc import Hashable

from creditlib.audit.task import Outcome, Task

__all__ = ["rooms"]


def rooms(n: int = 6, actions: int = 4, turns: int = 16, anchors: bool = True) -> Task:
    """A corridor of n rooms: the right action goes on, a wrong one goes back a room.

    The right action of room i is i % actions. The episode is solved when the last room is left
    through the right door, and ends without reward after `turns` turns. The policy sees the room
    and not the turn. anchors: without them, the policy sees room and turn, so that no state
    repeats; this is the negative control.

    Isolates: sparse outcomes with repeated states, also within one trajectory. Does not isolate:
    luck, since it is deterministic; progress within a room.
    """

    def step(state: Hashable, turn: int, action: int) -> list[Outcome]:
        room = int(str(state))
        room = room + 1 if action == room % actions else max(0, room - 1)
        signals = {"progress": float(room)}
        if room == n:
            return [Outcome(1.0, None, reward=1.0, success=True, signals=signals)]
        return [Outcome(1.0, None if turn + 1 == turns else room, signals=signals)]

    see = (lambda state, turn: state) if anchors else (lambda state, turn: (state, turn))
    return Task.from_step(step, 0, see, actions=actions, name="rooms")
