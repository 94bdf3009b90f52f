"""search: questions that are answered piece by piece, with the exact gain of each query."""

from __future__ import annotations

import functools
from collections.abc import Hashable, Mapping

import torch
from torch import Tensor

from creditlib.audit.sample import Sample
from creditlib.audit.task import Outcome, Task
from creditlib.vocabulary.messages import contract_error

__all__ = ["search"]


def search(
    bits: int = 4,
    tools: int = 8,
    q: int = 5,
    hint: float = 0.0,
    search_stop: bool = False,
) -> Task:
    """Up to q queries to tools, and then an answer that must be guessed where bits are unknown.

    The gold answer is one of 2^bits equally likely ones. Tool i tells bit i, for i < bits; the
    other tools tell nothing. The last turn is the answer, and forced: nothing is chosen there. It
    is right with probability p(gold) = 2^-(unknown bits), the exact posterior. The policy sees the
    known bits and whether it is the last turn, and not how many turns are left. Sizes: q + 1
    turns, `tools` actions; S 64 for (4, 8, 5), S 384 for (6, 24, 8).

    hint: the last tool lifts the measured p(gold) by this much at each use and tells nothing, as a
    search result that repeats the question would; the probability of a right answer stays.
    search_stop: one action more, the last one, answers at once, so that the length varies.

    Signals: information_gain = p(gold) after the turn minus before; 0 at the answer, whose outcome
    is the reward. gold_log_prob = log of the measured p(gold) before the turn, at most 0. boundary
    = the last query.

    Isolates: credit of evidence, with an exact signal at every query and the outcome a lottery.
    Queries are without effect once all is known, and the answer is no choice. Does not
    isolate: a mistake, since nothing is ever lost but a turn; the error of a learned posterior.

    Errors: fewer tools than bits; a hint without a tool that tells nothing.

    >>> task = search()
    >>> len(task.states), task.turns, task.actions
    (64, 6, 8)
    """
    if tools < bits + (hint != 0):
        wanted = "at least `bits`, and one more where there is a `hint`"
        raise contract_error("search", "tools", wanted, f"{tools} tools for {bits} bits")
    everything = 2**bits - 1

    def chance(known: int) -> float:
        return 2.0 ** (known.bit_count() - bits)

    def step(state: Hashable, turn: int, action: int) -> list[Outcome]:
        known = int(str(state))
        if turn == q or action == tools:
            right = chance(known)
            still = {"information_gain": 0.0}
            return [
                Outcome(right, None, reward=1.0, success=True, signals=still),
                Outcome(1.0 - right, None, signals=still),
            ]
        after = (known | 1 << action) & everything if action < bits else known
        gain = chance(after) - chance(known) + (hint if action == tools - 1 else 0.0)
        return [Outcome(1.0, after, signals={"information_gain": gain})]

    return Task.from_step(
        step,
        0,
        lambda state, turn: (state, turn == q),
        forced=lambda state, turn: turn == q,
        actions=tools + search_stop,
        name="search",
        derive=functools.partial(_evidence, prior=2.0**-bits),
        turn_names=[*(f"query {i + 1}" for i in range(q)), "answer"],
    )


def _evidence(of: Sample, prior: float) -> Mapping[str, Tensor]:
    """What the queries left: log p(gold) before each turn, and which query was the last."""
    gain = of.at_outcome(of.task.signals["information_gain"])
    before = prior + gain.cumsum(1) - gain
    logs = before.clamp(min=2.0**-1000, max=1.0).log()
    return {
        "gold_log_prob": torch.where(of.real, logs, 0),
        "boundary": of.turn_count - 2,
    }
