"""key_door: a first choice that pays at the end, behind turns without effect."""

from __future__ import annotations

from creditlib.audit.task import Outcome, Task

__all__ = ["key_door"]


def key_door(d: int = 6, apple: float = 0.0, luck: float = 0.1, actions: int = 4) -> Task:
    """A key at the first turn, a hall, and a door at the last turn.

    Action 0 takes the key. In the hall no action has an effect. At the door, action 1 with the key
    solves the episode with probability 1 - luck. Anything else at the door solves it with
    probability luck. So without the key the last turn has no choice, and a reward there is nobody's
    merit.

    d: turns in the hall. apple: each turn of the hall pays +apple or -apple, with equal
    probability and whatever the policy does; 0 pays nothing. luck: the probability that the
    door does the opposite. actions: the number of actions. Sizes: d + 2 turns, 1 + 2 (d + 1)
    states, each with its own observation.

    Isolates: delay, and credit that leaks to turns without a choice; with apples, noise that the
    policy cannot control. Does not isolate: repeated states, length, a mistake inside a success.
    """
    names = ["key", *(f"hall {i + 1}" for i in range(d)), "door"]

    def step(state: str, turn: int, action: int) -> list[Outcome]:
        if turn == 0:
            return [Outcome(1.0, "key" if action == 0 else "none")]
        if turn <= d:
            if apple == 0:
                return [Outcome(1.0, state)]
            return [Outcome(0.5, state, reward=apple), Outcome(0.5, state, reward=-apple)]
        chance = 1 - luck if state == "key" and action == 1 else luck
        return [
            Outcome(chance, None, reward=1.0, success=True),
            Outcome(1 - chance, None),
        ]

    return Task.from_step(
        step,
        "start",
        lambda state, turn: (state, turn),
        actions=actions,
        name="key_door" if apple == 0 else "key_door_apples",
        turn_names=names,
    )
