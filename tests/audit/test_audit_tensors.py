"""The tensors of trajectories: by hand, and accepted by the library."""

from typing import Any

import pytest
import torch

import creditlib as cl
from creditlib.audit import Task, every_group, perturbed, sample
from creditlib.audit.subject import audited
from creditlib.audit.tasks import TASKS, recovery
from creditlib.audit.tensors import BatchTensors, names_of
from creditlib.registry import public_functions
from creditlib.testing.tolerances import assert_close
from creditlib.vocabulary.words.arguments import ARGUMENTS

# What no task has, by what asks for it.
NOT_AUDITED = {
    "a3": ["cluster"],
    "agreement": ["answer"],
    "branch_credit": ["branch_at", "branch_of"],
    "completion_weight": ["finished", "started"],
    "dr_mas": ["agent"],
    "edge_credit": ["edge"],
    "habc_weight": [
        *("demonstrated", "steps_to_go", "steps_to_go_after", "viability", "viability_after")
    ],
    "match_reward": ["call_count", "similarity", "target_count"],
    "multi_gae": ["values"],
    "shapley": ["coalition_value", "join_order"],
    "siop": ["support"],
    "tree_grpo": ["tree"],
}
STATISTICS = {"effective_sample_size", "suffix_mask"}  # a number; a mask that needs a drop
OPTIONS: dict[str, dict[str, Any]] = {
    "discounted_return": {"gamma": 1.0},
    "gae": {"gamma": 1.0, "lam": 0.9},
    "two_level_gae": {"gamma": 1.0, "lam": 0.9},
    "overlong_penalty": {"limit": 20, "buffer": 5},
    "top_fraction": {"fraction": 0.5},
}


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    return [make() for make in TASKS.values()]


def test_check_batch_accepts_the_tensors_of_every_task(tasks: list[Task]) -> None:
    for task in tasks:
        batch = BatchTensors(sample(task, perturbed(task), groups=3))
        cl.check_batch({name: batch[name] for name in batch if name in ARGUMENTS})


def test_every_built_in_is_audited_on_a_task_or_named_with_what_it_lacks(
    tasks: list[Task],
) -> None:
    drawn = [sample(task, perturbed(task), groups=1, size=4) for task in tasks]
    lacking: dict[str, list[str]] = {}
    for name in public_functions().keys() - STATISTICS:
        subject = audited(name, **OPTIONS.get(name, {}))
        missing = [subject.missing(task) for task in tasks]
        if all(missing):
            lacking[name] = min(missing, key=len)
        for each in (case for case, lack in zip(drawn, missing, strict=True) if not lack):
            credit = subject.credit(each)
            assert credit.shape == each.state.shape
            assert credit.isfinite().all(), (name, each.task.name)
            assert not credit[~each.real].any(), (name, each.task.name)
    assert lacking == NOT_AUDITED


def test_names_are_known_before_a_tensor_is_made() -> None:
    assert {"reward", "group", "energy"} < names_of(recovery())
    assert not {"progress", "milestones", "process_reward", "branch_of"} & names_of(recovery())
    batch = BatchTensors(sample(recovery(), perturbed(recovery()), groups=1))
    assert "progress" not in batch
    assert set(batch) == names_of(recovery())
    assert len(batch) == len(names_of(recovery()))
    with pytest.raises(KeyError):
        batch["progress"]


def test_trajectory_level_tensors_of_recovery_by_hand() -> None:
    # One distractor; action 0 is right at the first and the last turn.
    groups = every_group(recovery(distractors=1), torch.zeros(5, 2), 2)
    batch = BatchTensors(groups)
    right = (groups.action[:, 0] == 0) | (groups.action[:, 2] == 0)
    assert torch.equal(batch["solved"], right)
    assert_close(batch["reward"], right.double())
    assert_close(batch["turn_reward"][:, 2], right.double())
    # V at the start is 3/4; after the first turn it is 1, or 1/2 if that erred.
    assert_close(batch["turn_value"][:, 0], torch.full((128,), 0.75).double())
    good = (groups.action[:, 0] == 0).double()
    assert_close(batch["turn_value"][:, 1], 0.5 + 0.5 * good)
    assert_close(batch["oracle_advantage"][:, 0], 0.5 * good - 0.25)
