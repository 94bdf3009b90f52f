"""wings: luck at the first turn that an anchor explains."""

from __future__ import annotations

from collections.abc import Hashable

from creditlib.audit.task import Outcome, Task

__all__ = ["wings"]


def wings(k: int = 4, bonus: float | None = 2.0, actions: int = 2) -> Task:
    """A lobby leads to one of two wings by chance; each wing has k rooms with a right action each.

    The action in the lobby has no effect: wing 0 or 1 follows with probability 1/2. At turn i of
    wing w, action (w + i) % actions is right. The episode is solved, with reward 1, if all k
    rooms were right. The last turn also pays +bonus in wing 0 and -bonus in wing 1:
    luck before the rooms, which the observation of every room identifies, and which a baseline
    over turns does not.

    k: rooms of a wing. bonus: None pays none; this is the negative control. actions: in each room.
    Sizes: k + 1 turns, 1 + k (k + 1) states (wing, rooms that were right), 1 + 2 k observations
    (lobby, or wing and room: what was right is not seen).

    Isolates: early luck that a baseline of equal observations removes. Does not isolate: states
    repeated within a trajectory, delay, length.
    """
    names = ["lobby", *(f"room {i + 1}" for i in range(k))]

    def step(state: Hashable, turn: int, action: int) -> list[Outcome]:
        if turn == 0:
            return [Outcome(0.5, (0, 0)), Outcome(0.5, (1, 0))]
        assert isinstance(state, tuple)
        wing, right = state
        right += int(action == (wing + turn) % actions)
        if turn < k:
            return [Outcome(1.0, (wing, right))]
        luck = 0.0 if bonus is None else bonus * (1 - 2 * wing)
        return [Outcome(1.0, None, reward=float(right == k) + luck, success=right == k)]

    def observe(state: Hashable, turn: int) -> Hashable:
        return (state[0], turn) if isinstance(state, tuple) else state

    return Task.from_step(step, "lobby", observe, actions=actions, name="wings", turn_names=names)
