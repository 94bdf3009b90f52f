"""reasoning: steps that a process reward model scores, one hasty step of which may ruin all."""

from __future__ import annotations

from collections.abc import Hashable

from creditlib.audit.task import Outcome, Task

__all__ = ["reasoning"]

_CAREFUL, _HASTY, _FILLER, _ANSWER = range(4)
_SCORES = {"careful": 0.6, "flawed": -0.6, "filler": 0.8, "answer": 0.7}


def reasoning(
    K: int = 4,  # noqa: N803  (the letter of the formula)
    H: int = 12,  # noqa: N803
    trunc: float | None = -0.7,
    aware: bool = True,
    flaw: float = 1.0,
) -> Task:
    """K steps without a flaw and then the answer, within H turns.

    Actions: 0 a careful step; 1 a hasty step, which is flawed with probability `flaw`; 2 filler,
    which says something true and useless; 3 the answer, which ends the episode. The episode is
    solved if the answer comes after K steps, none of them flawed. A flaw stays. After K steps a
    further one, careful or hasty, is redundant and cannot be flawed.

    process_reward, the score that a process reward model gives the turn: step without a flaw .6,
    flawed step -.6, filler .8, right answer .7, wrong answer -.7. trunc: its score of turn H when
    that is not an answer, and the solution so unfinished; None: the model is blind to that, and
    scores the turn like any other. aware: the policy sees whether there is a flaw, beside the
    number of steps; it never sees the turn. S 88 for (4, H=12), S 660 for (14, H=30).

    Isolates: credit from process rewards that pay for length. The sum of scores is highest for a
    policy that never answers. All turns after a flaw are without effect. Does not isolate: luck,
    where flaw is 1; mistakes that can be repaired.

    >>> task = reasoning(4, H=12)
    >>> len(task.states), task.turns, task.actions
    (88, 12, 4)
    """

    def step(state: Hashable, turn: int, action: int) -> list[Outcome]:
        assert isinstance(state, tuple)
        done, flawed = state
        last = turn + 1 == H

        def scored(chance: float, after: Hashable, score: float, solved: bool = False) -> Outcome:
            if last and action != _ANSWER and trunc is not None:
                score = trunc
            following = None if last else after
            return Outcome(chance, following, float(solved), solved, {"process_reward": score})

        if action == _ANSWER:
            solved = done == K and not flawed
            score = _SCORES["answer"] if solved else -_SCORES["answer"]
            return [scored(1.0, None, score, solved)]
        if action == _FILLER:
            return [scored(1.0, state, _SCORES["filler"])]
        risk = flaw if action == _HASTY and done < K else 0.0
        further = min(done + 1, K)
        return [
            scored(1.0 - risk, (further, flawed), _SCORES["careful"]),
            scored(risk, (further, True), _SCORES["flawed"]),
        ]

    def see(state: Hashable, turn: int) -> Hashable:
        assert isinstance(state, tuple)
        return state if aware else state[0]

    return Task.from_step(step, (0, False), see, actions=4, name="reasoning")
