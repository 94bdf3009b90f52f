"""pipeline: stages that must all be right, each of which prints its progress."""

from __future__ import annotations

from collections.abc import Hashable

from creditlib.audit.task import Outcome, Task

__all__ = ["pipeline"]

_ACTIONS = 4
_UNDO = 3


def pipeline(n: int = 6, redo: bool = False) -> Task:
    """n stages with one right action each; a wrong action ends the episode without reward.

    Stage i has the right action i % 4, and the episode is solved when the last stage is passed. A
    uniform policy solves 4^-n of the episodes: 2.4e-4 for n = 6. redo: action 3 goes back a stage
    instead, stage i has the right action i % 3, and the episode ends after 3n turns; so a stage can
    be passed, and its print be paid, again and again. Sizes: n turns, S n; with `redo` 3n turns,
    S 42 for n = 4.

    Signal: progress = the stages passed, measured after the turn. The tensors progress_print (each
    passing of a stage pays 1/n: pay per print) and progress_record (only a first passing pays: pay
    on record) are made from it.

    Isolates: partial credit, where the outcome is so rare that groups are dead; with `redo`, credit
    that can be farmed. Every turn is decisive. Does not isolate: luck; distractors.

    >>> len(pipeline().states), len(pipeline(4, redo=True).states)
    (6, 42)
    """

    def step(state: Hashable, turn: int, action: int) -> list[Outcome]:
        stage = int(str(state))
        signals = {"progress": float(stage)}
        if redo and action == _UNDO:
            back = max(0, stage - 1)
            after = None if turn + 1 == 3 * n else back
            return [Outcome(1.0, after, signals={"progress": float(back)})]
        if action != stage % (_UNDO if redo else _ACTIONS):
            return [Outcome(1.0, None, signals=signals)]
        signals = {"progress": float(stage + 1)}
        if stage + 1 == n:
            return [Outcome(1.0, None, reward=1.0, success=True, signals=signals)]
        after = None if redo and turn + 1 == 3 * n else stage + 1
        return [Outcome(1.0, after, signals=signals)]

    names = [] if redo else [f"stage {i + 1}" for i in range(n)]
    return Task.from_step(
        step,
        0,
        lambda state, turn: state,
        actions=_ACTIONS,
        name="pipeline",
        turn_names=names,
    )
