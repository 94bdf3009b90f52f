import math

import pyarrow
import pyarrow.parquet
import pytest
import torch

from creditlib import rollouts
from creditlib.vocabulary.messages import ContractError


def log(path, step, prompts, rewards, extra=None):
    """As `GRPOTrainer.log` does it: a table with one column per reward function, NaN as null."""
    size = len(prompts)
    table = {
        "step": [step] * size,
        "prompt": prompts,
        "completion": [f"completion {i}" for i in range(size)],
        **rewards,
        **(extra or {}),
        "advantage": [0.5] * size,
    }
    columns = {name: pyarrow.array(values, from_pandas=True) for name, values in table.items()}
    file = path / f"completions_{step:05d}.parquet"
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file


def message(*args, **options):
    with pytest.raises(ContractError) as caught:
        rollouts.read(*args, **options)
    return str(caught.value)


def test_reward_is_the_sum_of_the_reward_columns(tmp_path):
    rewards = {"accuracy_reward": [1.0, 0.0, 1.0, 0.0], "format_reward": [0.5, 0.5, 0.0, 0.0]}
    extra = {"answer": ["a", "b", "c", "d"], "depth": [1, 2, 3, 4]}
    file = log(tmp_path, 5, ["p", "p", "q", "q"], rewards, extra)
    found = rollouts.read(file)
    assert found.tensors["reward"].tolist() == [1.5, 0.5, 1.0, 0.0]
    assert found.tensors["rewards"].tolist() == [[1.0, 0.5], [0.0, 0.5], [1.0, 0.0], [0.0, 0.0]]
    assert found.groups == {"5/1": [0, 1], "5/2": [2, 3]}
    assert found.trajectories[2]["turns"] == [{"observation": "q", "text": "completion 2"}]
    assert found.notes == (
        "group = equal `prompt` within a step, because the log has no prompt id.",
        "reward = accuracy_reward + format_reward.",
    )


def test_a_gap_is_left_out_and_a_row_of_gaps_takes_no_part(tmp_path):
    nan = math.nan
    file = log(tmp_path, 1, ["p"] * 3, {"a": [1.0, nan, nan], "b": [nan, 0.5, nan]})
    found = rollouts.read(file)
    assert found.tensors["reward"].tolist() == [1.0, 0.5, 0.0]
    assert found.tensors["valid"].tolist() == [True, True, False]
    assert "rewards" not in found.tensors


def test_nan_that_was_kept_is_a_gap_too(tmp_path):
    table = pyarrow.table(
        {
            "step": [1, 1],
            "prompt": ["p", "p"],
            "completion": ["x", "y"],
            "a": pyarrow.array([math.nan, 1.0]),
            "advantage": [0.0, 0.0],
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "completions_00001.parquet")
    assert rollouts.read(tmp_path).tensors["valid"].tolist() == [False, True]


def test_reward_weights_name_columns_and_weights(tmp_path):
    file = log(tmp_path, 1, ["p", "p"], {"a": [1.0, 0.0], "b": [1.0, 1.0], "c": [9.0, 9.0]})
    found = rollouts.read(file, reward_weights={"b": 0.25, "a": 1})
    assert found.tensors["reward"].tolist() == [1.25, 0.25]
    assert found.notes[1] == "reward = 0.25 * b + a."
    torch.testing.assert_close(found.tensors["rewards"], torch.tensor([[1.0, 1.0], [1.0, 0.0]]))


def test_a_folder_keeps_steps_apart(tmp_path):
    log(tmp_path, 1, ["p", "p"], {"a": [1.0, 0.0]})
    log(tmp_path, 12, ["p", "p"], {"a": [2.0, 3.0]})
    assert rollouts.read(tmp_path).groups == {"1/1": [0, 1], "12/1": [2, 3]}


def test_messages(tmp_path):
    file = log(tmp_path, 1, ["p"], {"a": [1.0]}, {"note": ["x"]})
    assert message(file, reward_weights={"b": 1.0}) == (
        f"rollouts: `b` must be in every row, got none in {file} row 1."
    )
    assert message(file, reward_weights={"note": 1.0}) == (
        f"rollouts: `note` must be a finite number or null, got 'x' in {file} row 1."
    )
    assert message(file, reward_weights={"a": math.nan}) == (
        "read: `reward_weights` must be finite numbers, got nan for `a`."
    )
    boundless = log(tmp_path, 3, ["p"], {"a": [math.inf]})
    assert message(boundless) == (
        f"rollouts: `a` must be a finite number or null, got inf in {boundless} row 1."
    )
    lines = tmp_path / "x.jsonl"
    lines.write_text('{"step": 1, "prompt": "p", "completion": 7, "a": 1.0, "advantage": 0.0}\n')
    assert message(lines) == f"rollouts: `completion` must be a text, got 7 in {lines} line 1."
    none = log(tmp_path, 2, ["p"], {})
    assert message(none) == (
        "rollouts: a TRL log must have a float column between `completion` and `advantage`, "
        f"got none in {none} row 1."
    )
    assert message(lines, format="creditlib") == (
        f"rollouts: `turns` must be in every row, got none in {lines} line 1."
    )
    assert message(file, format="verl") == (
        f"rollouts: `input` must be in every row, got none in {file} row 1."
    )
