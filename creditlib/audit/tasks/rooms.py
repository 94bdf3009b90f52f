"""rooms: a corridor in which a wrong action goes back, so that states repeat."""

from __future__ import annotations

from collections.abc import Hashable

from creditlib.audit.task import Outcome, Task

__all__ = ["rooms"]


def rooms(n: int = 6, actions: int = 4, turns: int = 20, anchors: bool = True) -> Task:
    """A corridor of n rooms: the right action goes on, a wrong one goes back or stays.

    The right action of room i is i % actions. Action (i + 1) % actions goes back a room; every
    other action stays. The episode is solved when the last room is left
    through the right door, and ends without reward after `turns` turns. The policy sees the room
    and not the turn. anchors: without them, the policy sees room and turn, so that no state
    repeats; this is the negative control.

    Isolates: sparse outcomes with repeated states, also within one trajectory. Does not isolate:
    luck, since it is deterministic; progress within a room.
    """

    def step(room: int, turn: int, action: int) -> list[Outcome]:
        if action == room % actions:
            room += 1
        elif action == (room + 1) % actions:
            room = max(0, room - 1)
        signals = {"progress": float(room)}
        if room == n:
            return [Outcome(1.0, None, reward=1.0, success=True, signals=signals)]
        return [Outcome(1.0, None if turn + 1 == turns else room, signals=signals)]

    def observe(state: int, turn: int) -> Hashable:
        return state if anchors else (state, turn)

    return Task.from_step(step, 0, observe, actions=actions, name="rooms")
