import pyarrow
import torch
from credit_cases import trajectories

from creditlib import rollouts
from creditlib.rollouts.crediting.bucket_tensors import bucket_tensors, complete_rows
from creditlib.rollouts.crediting.row_scan import scan_rows

NEEDS = frozenset(
    (
        *("turn_reward", "anchor", "action", "duration", "process_reward", "gold_log_prob"),
        *("turn_length", "length", "rewards", "answer", "information_gain"),
    )
)


def test_tensors_are_those_of_from_trajectories():
    rows = trajectories(10)
    part = scan_rows(rows, [str(row) for row in range(len(rows))], range(len(rows)), NEEDS, False)
    found = bucket_tensors(part.columns, part.facts.has, 2)
    wanted = rollouts.from_trajectories(rows).tensors
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert found[name].dtype == tensor.dtype, name
        assert torch.equal(found[name], tensor), name


def test_trajectories_that_lack_a_key_are_told():
    table = pyarrow.table(
        {
            "turn_count": [1, 0, 1, 1],
            "valid": [True, True, False, True],
            "turn_reward": pyarrow.array([[1.0], None, [1.0], None]),
            "rewards": pyarrow.array([[1.0], [1.0, 2.0], None, [1.0, 2.0]]),
        }
    )
    reward = frozenset({"turn_reward"})
    assert complete_rows(table, reward, 0).tolist() == [True, True, True, False]
    both = reward | {"rewards"}
    assert complete_rows(table, both, 2).tolist() == [False, True, True, False]
    assert complete_rows(table, frozenset({"length"}), 0).tolist() == [False] * 4
