"""Tensors of turns and trajectories by hand, and the tasks that have them."""

import torch

from creditlib.audit import Outcome, Sample, Task, every_group, sample
from creditlib.audit.task_tensors import can_end_early, has_progress, pays_once
from creditlib.audit.tasks import TASKS, key_door, pipeline, reasoning, recovery, rooms
from creditlib.audit.tensors import BatchTensors
from creditlib.testing.tolerances import assert_close


def walk(task: Task, *actions: int) -> Sample:
    """One trajectory of a policy that takes one action at each observation, all but surely."""
    taken = torch.nn.functional.one_hot(torch.tensor(actions), task.actions)
    return sample(task, 200.0 * taken.double(), groups=1, size=1)


def test_which_tasks_have_what() -> None:
    early = {name for name, make in TASKS.items() if can_end_early(make())}
    assert early == {"rooms", "reasoning"}
    assert {name for name, make in TASKS.items() if has_progress(make())} == {"rooms", "pipeline"}
    assert pays_once(recovery())
    assert not pays_once(key_door(apple=0.5))  # the apples are paid on the way


def test_a_trajectory_without_an_answer_is_truncated() -> None:
    # K 1, H 2. Seen: (0, no flaw), (1, no flaw), (1, flaw). Filler twice; then step and answer.
    idle = BatchTensors(walk(reasoning(K=1, H=3), 2, 2, 2))
    quick = BatchTensors(walk(reasoning(K=1, H=3), 0, 3, 3))
    assert (idle["truncated"].tolist(), quick["truncated"].tolist()) == ([True], [False])
    # A step and the answer are the fewest turns.
    assert (idle["cost"].tolist(), quick["cost"].tolist()) == ([[3]], [[2]])
    assert idle["reference_cost"].tolist() == quick["reference_cost"].tolist() == [[2]]


def test_progress_by_hand() -> None:
    # Two rooms; action 0 is right in room 0, and in room 1 it goes back: 1, 0, 1, 0.
    batch = BatchTensors(walk(rooms(n=2, actions=2, turns=4), 0, 0))
    assert batch["progress"].tolist() == [[1, 0, 1, 0]]
    assert batch["progress_print"].tolist() == [[0.5, 0, 0.5, 0]]
    assert batch["progress_record"].tolist() == batch["share"].tolist() == [[0.5, 0, 0, 0]]
    assert batch["solved_turn"].tolist() == [[True, False, True, False]]
    assert batch["rewards"].tolist() == [[0, 0.5]]
    assert batch["milestones"].tolist() == [1]
    assert batch["score"].isnan().all()
    assert batch["starts"].tolist() == [[True, True, True, True]]


def test_a_segment_is_a_stay_at_one_progress() -> None:
    # Action 2 stays in room 0, which is one segment of three turns.
    batch = BatchTensors(walk(rooms(n=2, actions=3, turns=3), 2, 2))
    assert batch["starts"].tolist() == [[True, False, False]]
    assert torch.equal(batch["segment_value"], batch["turn_value"])


def test_a_solved_trajectory_has_a_score() -> None:
    batch = BatchTensors(walk(pipeline(2), 0, 1))
    assert batch["score"].tolist() == batch["reward"].tolist() == [1]
    assert batch["rewards"].tolist() == [[1, 1]]
    assert batch["starts"].tolist() == [[True, True]]


def test_the_baseline_is_the_value_of_the_greedy_policy_by_hand() -> None:
    # Greedy is action 1 everywhere, which never solves; ties share: 3/4 as under uniform.
    task = recovery(distractors=0)
    worst = sample(task, torch.tensor([[0.0, 1.0]]).repeat(3, 1), groups=1, size=2)
    tied = sample(task, torch.zeros(3, 2), groups=1, size=2)
    assert BatchTensors(worst)["baseline"].tolist() == [0, 0]
    assert_close(BatchTensors(tied)["baseline"], torch.tensor([0.75, 0.75]))


def test_simulated_values_have_the_exact_mean_and_their_own_luck() -> None:
    task = recovery()
    drawn = sample(task, torch.zeros(7, 2), groups=500)
    batch = BatchTensors(drawn)
    four, sixteen = batch["simulated_value_4"], batch["simulated_value_16"]
    assert set((4 * four).unique().tolist()) == {0, 1, 2, 3, 4}
    # V is 3/4, so the variance of a mean of K rollouts is 3/16/K: here 0.0469 and 0.0117.
    assert abs(float(four[:, 0].mean()) - 0.75) < 0.02
    assert abs(float(four[:, 0].var()) - 0.0469) < 0.005
    assert abs(float(sixteen[:, 0].var()) - 0.0117) < 0.002
    again = BatchTensors(sample(task, torch.zeros(7, 2), groups=500))
    assert torch.equal(again["simulated_value_4"], four)


def test_in_an_enumeration_the_simulated_value_is_its_expectation() -> None:
    batch = BatchTensors(every_group(recovery(1), torch.zeros(5, 2), 2))
    assert torch.equal(batch["simulated_value_4"], batch["turn_value"])


def test_a_reward_on_the_way_pays_more_than_once() -> None:
    def step(state: object, turn: int, action: int) -> list[Outcome]:
        return [Outcome(1.0, None if turn else "on", reward=1.0, success=bool(turn))]

    assert not pays_once(Task.from_step(step, "on"))
