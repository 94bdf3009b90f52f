import json
import math

import pyarrow
import pyarrow.parquet
import pytest
import torch

import creditlib as cl
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
        "unknown keys are not read: `answer` (4 rows), `depth` (4 rows).",
    )


def test_a_gap_is_left_out_and_a_row_of_gaps_takes_no_part(tmp_path):
    nan = math.nan
    file = log(tmp_path, 1, ["p"] * 3, {"a": [1.0, nan, nan], "b": [nan, 0.5, nan]})
    found = rollouts.read(file)
    assert found.tensors["reward"].tolist() == [1.0, 0.5, 0.0]
    assert found.tensors["valid"].tolist() == [True, True, False]
    rewards = found.tensors["rewards"]
    assert rewards.isnan().tolist() == [[False, True], [True, False], [True, True]]
    assert rewards.nan_to_num(9).tolist() == [[1.0, 9.0], [9.0, 0.5], [9.0, 9.0]]


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
        f"rollouts: `note` must be a finite number, true, false or null, got 'x' in {file} row 1."
    )
    assert message(file, reward_weights={"a": math.nan}) == (
        "read: `reward_weights` must be finite numbers, got nan for `a`."
    )
    boundless = log(tmp_path, 3, ["p"], {"a": [math.inf]})
    assert message(boundless) == (
        "rollouts: `a` must be a finite number, true, false or null, got inf in "
        f"{boundless} row 1; write null where there is no number."
    )
    lines = tmp_path / "x.jsonl"
    lines.write_text('{"step": 1, "prompt": "p", "completion": 7, "a": 1.0, "advantage": 0.0}\n')
    assert message(lines) == (
        f"rollouts: `completion` must be a text or a list of messages, got 7 in {lines} line 1."
    )
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


def test_conversations_are_grouped_by_equal_prompts_within_a_step(tmp_path):
    """Rewards 1 and 0 in one group: credit 1/2 and -1/2; the third row is alone."""
    first = [{"role": "user", "content": "2+2?"}]
    second = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2+2?"}]
    file = tmp_path / "completions_00001.parquet"
    rows = [
        {
            "step": 1,
            "prompt": prompt,
            "completion": [{"role": "assistant", "content": text}],
            "accuracy": score,
            "advantage": 0.0,
        }
        for prompt, text, score in [(first, "4", 1.0), (first, "5", 0.0), (second, "4", 1.0)]
    ]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), file)
    found = rollouts.read(file)
    assert found.groups == {"1/1": [0, 1], "1/2": [2]}
    assert cl.apply("grpo", found.tensors, scale=None).tolist() == [0.5, -0.5, 0.0]
    assert [row["turns"][0]["text"] for row in found.trajectories] == ["4", "5", "4"]
    rollouts.write(tmp_path / "again.jsonl", found.trajectories)
    assert rollouts.read(tmp_path / "again.jsonl").groups == found.groups


def test_one_float_makes_a_column_of_rewards_in_json(tmp_path):
    row = {"step": 1, "prompt": "p", "completion": "x", "advantage": 0.0}
    rows = [{**row, "a": 1, "n": 3}, {**row, "a": 0.5, "n": 4}, {**row, "a": None, "n": 5}]
    file = tmp_path / "x.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in rows))
    found = rollouts.read(file)
    assert found.tensors["reward"].tolist() == [1.0, 0.5, 0.0]
    assert found.notes[1:] == ("reward = a.", "unknown keys are not read: `n` (3 rows).")
