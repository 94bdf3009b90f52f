"""recovery: a mistake inside a success."""

from __future__ import annotations

from creditlib.audit.task import Outcome, Task

__all__ = ["recovery"]


def recovery(distractors: int = 2) -> Task:
    """A first choice, turns without effect, and a last turn that can repair a wrong first choice.

    The episode is solved if action 0 was taken at the start, or at the last turn. So a trajectory
    that erred and repaired has the reward of one that did everything right. Sizes: distractors + 2
    turns, 2 actions.

    Isolates: credit of a mistake inside a success. The first turn of a repaired trajectory has a
    negative advantage and a positive return. Does not isolate: noise, repeated states, length.
    """

    def step(state: str, turn: int, action: int) -> list[Outcome]:
        if turn == 0:
            return [Outcome(1.0, "good" if action == 0 else "bad")]
        if turn <= distractors:
            return [Outcome(1.0, state)]
        solved = state == "good" or action == 0
        return [Outcome(1.0, None, reward=float(solved), success=solved)]

    names = ["start", *(f"wait {i + 1}" for i in range(distractors)), "repair"]
    return Task.from_step(
        step, "start", lambda state, turn: (state, turn), name="recovery", turn_names=names
    )
