import pyarrow.parquet
from credit_cases import trajectories

from creditlib import rollouts
from creditlib.rollouts.crediting.parquet_columns import needed_columns


def columns(path, *needs):
    with pyarrow.parquet.ParquetFile(path) as file:
        found, size = needed_columns(file, 0, frozenset(needs))
    assert size > 0
    return [name.split(".")[0] + (f":{name.split('.')[3]}" if "." in name else "")
            for name in found]  # fmt: skip


def test_only_what_is_needed_is_read(tmp_path):
    rows = trajectories(9)
    path = tmp_path / "a.parquet"
    rollouts.write(path, rows)
    top = ["group", "id", "outcome"]
    assert columns(path, "anchor", "turn_reward") == [*top, "turns:observation", "turns:reward"]
    assert columns(path, "information_gain") == [*top, "turns:gold_log_prob"]
    assert columns(path, "length") == [*top, "turns:tokens"]
    assert "rewards" in columns(path, "rewards")
    assert "rewards" not in columns(path, "reward")


def test_the_number_of_turns_is_read_from_the_smallest_column(tmp_path):
    path = tmp_path / "a.parquet"
    turns = [{"text": "long " * 50, "step": 1}] * 3
    rollouts.write(path, [{"group": str(i), "outcome": 1.0, "turns": turns} for i in range(9)])
    assert columns(path, "reward") == ["group", "outcome", "turns:step"]


def test_token_ids_are_not_read_where_lengths_are_stated(tmp_path):
    path = tmp_path / "a.parquet"
    rows = [{"group": "a", "outcome": 1.0, "length": 2, "turns": [{"tokens": [1, 2], "text": "x"}]}]
    rollouts.write(path, rows)
    assert "turns:tokens" not in columns(path, "length")
    assert "turns:tokens" in columns(path, "turn_length")
    rows = [{"group": "a", "outcome": 1.0, "turns": [{"tokens": [1], "token_count": 1}]}]
    rollouts.write(path, rows)
    assert columns(path, "turn_length") == ["group", "outcome", "turns:token_count"]
