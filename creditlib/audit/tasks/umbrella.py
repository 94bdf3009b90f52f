"""umbrella: one choice, and a variance that grows with the number of turns after it."""

from __future__ import annotations

from creditlib.audit.task import Outcome, Task

__all__ = ["umbrella"]


def umbrella(turns: int = 8, noise: float = 1.0) -> Task:
    """Whether to take an umbrella is decided at the first turn, and pays at the last.

    The weather is rain or sun, with equal probability, and is seen from the start. Action 1 of the
    first turn takes the umbrella. The last turn pays +1 and solves the episode if the umbrella is
    there exactly when it rains, and pays -1 otherwise. Every other turn, the first one included,
    pays +noise or -noise with equal probability, whatever the policy does. The task follows
    `umbrella_length` of bsuite (arXiv:1908.03568).

    turns: at least 2. noise: 0 pays nothing before the last turn. Sizes: 2 + 4 (turns - 1) states,
    each with its own observation; 2 actions.

    Isolates: variance that grows with depth. Does not isolate: early luck that a state explains,
    since the noise leaves no trace in the state; repeated states; length.
    """
    names = ["choice", *(f"walk {i + 1}" for i in range(turns - 2)), "weather"]

    def step(state: tuple[int, int | None], turn: int, action: int) -> list[Outcome]:
        weather, umbrella = state
        if turn == turns - 1:
            right = umbrella == weather
            return [Outcome(1.0, None, reward=1.0 if right else -1.0, success=right)]
        after = (weather, action) if turn == 0 else state
        if noise == 0:
            return [Outcome(1.0, after)]
        return [Outcome(0.5, after, reward=noise), Outcome(0.5, after, reward=-noise)]

    return Task.from_step(
        step,
        {(0, None): 0.5, (1, None): 0.5},
        lambda state, turn: (state, turn),
        name="umbrella",
        turn_names=names,
    )
