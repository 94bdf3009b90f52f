"""asynchronous: actions that take different times."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from creditlib.audit.task import Outcome, Task
from creditlib.vocabulary.messages import contract_error

__all__ = ["asynchronous"]

Table = Sequence[Sequence[float]]


def asynchronous(
    durations: Table = ((1.0, 1.0), (10.0, 10.0)),
    wins: Table = ((1.0, 0.5), (0.0, 1.0)),
    prompt_seen: bool = False,
) -> Task:
    """A bandit: one turn, prompts with equal probability, and actions that take time.

    durations: [prompt action], how long the action takes; the signal `duration`. wins: [prompt
    action], the probability that the action solves the episode, with reward 1. prompt_seen: the
    policy has a row for each prompt; without it, one row for all of them, so that a prompt whose
    episodes end early and often pulls the policy its way. In the default a quick prompt prefers
    action 0, a slow one prefers action 1, and action 1 is the better one on average: 0.75 against
    0.5.

    The groups of the audit are those of a synchronous sampler, in which duration does not change
    what is seen. A scheduler that ends early makes quick actions more frequent; it is a matter of
    the sampler, and not of the task.

    Isolates: the signal of duration. Does not isolate: anything between turns.

    Errors: tables of different shapes.
    """
    if len({len(row) for row in (*durations, *wins)}) != 1 or len(durations) != len(wins):
        fact = f"{[len(row) for row in durations]} and {[len(row) for row in wins]} actions"
        raise contract_error("asynchronous", "wins", "of the sizes of `durations`", fact)

    def step(prompt: int, turn: int, action: int) -> list[Outcome]:
        chance, signals = wins[prompt][action], {"duration": float(durations[prompt][action])}
        return [
            Outcome(chance, None, reward=1.0, success=True, signals=signals),
            Outcome(1 - chance, None, signals=signals),
        ]

    def observe(prompt: int, turn: int) -> Hashable:
        return prompt if prompt_seen else "prompt"

    return Task.from_step(
        step,
        {prompt: 1 / len(durations) for prompt in range(len(durations))},
        observe,
        actions=len(durations[0]),
        name="asynchronous",
        turn_names=["answer"],
    )
