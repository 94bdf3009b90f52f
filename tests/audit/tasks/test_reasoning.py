"""reasoning: sizes, success and scores by hand."""

import pytest
import torch

from creditlib.audit import every_group, oracle
from creditlib.audit.tasks import reasoning
from creditlib.audit.tensors import BatchTensors
from creditlib.testing.tolerances import assert_close


@pytest.mark.parametrize(("k", "h", "states"), [(4, 12, 88), (14, 30, 660)])
def test_sizes(k: int, h: int, states: int) -> None:
    # At turn t: min(t, k) + 1 states without a flaw and min(t, k) with one, which has a step.
    assert sum(2 * min(turn, k) + 1 for turn in range(h)) == states
    task = reasoning(k, H=h)
    assert (len(task.states), task.turns, task.actions) == (states, h, 4)


@pytest.mark.parametrize(("flaw", "chance"), [(1.0, 1 / 3), (0.5, 1 / 2)])
def test_the_success_probability_by_hand(flaw: float, chance: float) -> None:
    # Of the uniform policy and unlimited turns. A step that counts: careful 1/4, and hasty
    # (1 − flaw)/4. What ends hope: a flaw, flaw/4, and an early answer, 1/4. So each of the four
    # steps comes with 1/3 where a hasty step is always flawed, with (3/8)/(6/8) where half are.
    # After them nothing can go wrong.
    task = reasoning(4, H=120, flaw=flaw)
    assert_close(
        oracle(task, task.uniform()).success, torch.tensor(chance, dtype=torch.float64) ** 4
    )


def test_scores_by_hand() -> None:
    # K 1, H 2: careful then answer; hasty with a flaw, then filler; an early answer.
    task = reasoning(K=1, H=2, flaw=0.5)
    groups = every_group(task, task.uniform(), 2)
    batch = BatchTensors(groups)
    scores = {
        (tuple(action), tuple(outcome)): tuple(score)
        for action, outcome, score in zip(
            groups.action.tolist(),
            groups.outcome.tolist(),
            batch["process_reward"].tolist(),
            strict=True,
        )
    }
    assert scores[(0, 3), (0, 0)] == (0.6, 0.7)  # solved
    assert scores[(1, 3), (1, 0)] == (-0.6, -0.7)  # flawed, so the answer is wrong
    assert scores[(1, 3), (0, 0)] == (0.6, 0.7)  # a hasty step that went well
    assert scores[(3, -1), (0, -1)] == (-0.7, 0)  # too early
    assert scores[(0, 2), (0, 0)] == (0.6, -0.7)  # cut off without an answer
    solved = batch["solved"] & (groups.action[:, 0] == 1)
    assert solved.any()


def test_a_blind_model_scores_the_cut_off_turn_like_any_other() -> None:
    seeing, blind = reasoning(K=1, H=2), reasoning(K=1, H=2, trunc=None)
    filler = seeing.turn == 1
    assert seeing.signals["process_reward"][filler, 2, 0].tolist() == [-0.7] * 3
    assert blind.signals["process_reward"][filler, 2, 0].tolist() == [0.8] * 3


def test_an_unaware_policy_does_not_see_its_flaw() -> None:
    assert len(reasoning(4, H=12).observations) == 5 + 4
    unaware = reasoning(4, H=12, aware=False)
    assert unaware.observations == (0, 1, 2, 3, 4)
    assert_close(
        oracle(unaware, unaware.uniform()).success,
        oracle(reasoning(4, H=12), reasoning(4, H=12).uniform()).success,
    )


def test_turns_after_a_flaw_are_without_effect() -> None:
    task = reasoning(4, H=12)
    flawed = torch.tensor([state[1] for state, _ in task.states])  # type: ignore[index]
    logits = torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
    advantage = oracle(task, logits).advantage.abs().amax(-1)
    in_time = torch.tensor([turn + 4 - state[0] < 12 for state, turn in task.states])  # type: ignore[index]
    assert not advantage[flawed].any()
    # Without a flaw, 4 − done steps and the answer must still fit into the 12 turns.
    assert torch.equal(advantage[~flawed] > 0, in_time[~flawed])
