"""pipeline: sizes, success and paid progress by hand."""

import torch

from creditlib.audit import oracle, sample
from creditlib.audit.tasks import pipeline
from creditlib.audit.tensors import BatchTensors
from creditlib.testing.tolerances import assert_close


def test_sizes() -> None:
    assert (len(pipeline(6).states), pipeline(6).turns) == (6, 6)
    # Stages 0 … 3 at turn t: min(t, 3) + 1 of them; 1 + 2 + 3 + 9 · 4 = 42.
    assert (len(pipeline(4, redo=True).states), pipeline(4, redo=True).turns) == (42, 12)


def test_the_success_of_the_uniform_policy_is_a_quarter_for_each_stage() -> None:
    task = pipeline(6)
    assert_close(oracle(task, task.uniform()).success, torch.tensor(4.0**-6))


def logits_of(*actions: int) -> torch.Tensor:
    """A policy that takes one action at each stage, all but surely."""
    return 200.0 * torch.nn.functional.one_hot(torch.tensor(actions), 4).double()


def test_progress_by_hand() -> None:
    # Stage 2 has the right action 2 and gets action 0: two stages passed, and the end.
    drawn = sample(pipeline(3), logits_of(0, 1, 0), groups=1, size=1)
    batch = BatchTensors(drawn)
    assert batch["progress"].tolist() == [[1, 2, 2]]
    assert_close(batch["progress_print"], torch.tensor([[1.0, 1, 0]]).double() / 3)
    assert_close(batch["progress_record"], batch["progress_print"])
    assert batch["solved"].tolist() == [False]


def test_prints_are_farmed_and_records_are_not() -> None:
    # With redo, stage 0 is passed and undone until turn 6 ends the episode: 1, 0, 1, 0, 1, 0.
    drawn = sample(pipeline(2, redo=True), logits_of(0, 3), groups=1, size=1)
    batch = BatchTensors(drawn)
    assert batch["progress"].tolist() == [[1, 0, 1, 0, 1, 0]]
    assert batch["progress_print"].tolist() == [[0.5, 0, 0.5, 0, 0.5, 0]]
    assert batch["progress_record"].tolist() == [[0.5, 0, 0, 0, 0, 0]]
