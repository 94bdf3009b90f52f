import json

import pytest

from creditlib import rollouts
from creditlib.vocabulary.messages import ContractError

TRAJECTORIES = [{"group": "kitchen", "outcome": 1.0, "turns": [{"text": "open door"}]}]


def message(call, *args, **options):
    with pytest.raises(ContractError) as caught:
        call(*args, **options)
    return str(caught.value)


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path):
    for number in (10, 9, 1):
        row = {"group": number, "outcome": float(number), "turns": [{}]}
        rollouts.write(tmp_path / f"{number}.jsonl", [row])
    (tmp_path / "notes.txt").write_text("not a rollout")
    assert rollouts.read(tmp_path).tensors["reward"].tolist() == [1.0, 9.0, 10.0]


def test_messages_for_whole_files(tmp_path):
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    assert message(rollouts.read, empty) == (
        f"rollouts: {empty} must hold at least one trajectory, got an empty file."
    )
    unknown = tmp_path / "unknown.jsonl"
    unknown.write_text('{"question": 1, "answer": 2}\n')
    assert message(rollouts.read, unknown) == (
        f"rollouts: {unknown} must hold rows of the format creditlib, verl or trl, got the keys "
        "`question`, `answer`; convert them with `creditlib.rollouts.from_trajectories`."
    )
    assert message(rollouts.read, unknown, format="csv") == (
        "read: `format` must be one of 'auto', 'creditlib', 'verl', 'trl', a RolloutFormat or "
        "'package.module:NAME', got 'csv'."
    )
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and no more")
    found = message(rollouts.read, broken)
    assert found.startswith(f"rollouts: {broken} must be a readable Parquet file: ")
    assert "\n" not in found


def test_a_folder_holds_one_format(tmp_path):
    rollouts.write(tmp_path / "1.jsonl", TRAJECTORIES)
    row = {"input": "q", "output": "a", "gts": None, "score": 1.0, "step": 2}
    (tmp_path / "2.jsonl").write_text(json.dumps(row))
    assert message(rollouts.read, tmp_path) == (
        f"rollouts: {tmp_path} must hold files of one format, got creditlib and verl."
    )


def test_reward_weights_belong_to_trl(tmp_path):
    rollouts.write(tmp_path / "1.jsonl", TRAJECTORIES)
    assert message(rollouts.read, tmp_path, reward_weights={"x": 1.0}) == (
        "read: `reward_weights` must be left out for the format creditlib, got {'x': 1.0}."
    )


def test_an_option_of_no_format_is_refused(tmp_path):
    rollouts.write(tmp_path / "1.jsonl", TRAJECTORIES)
    assert rollouts.read(tmp_path, reward_weights=None).tensors["reward"].tolist() == [1.0]
    assert message(rollouts.read, tmp_path, similarty=0.9) == (
        "read: `similarty` must be left out for the format creditlib, got 0.9."
    )


def test_write_refuses_what_read_would(tmp_path):
    assert message(rollouts.write, tmp_path / "x.csv", []) == (
        f"write: `path` must end in .jsonl or .parquet, got '{tmp_path / 'x.csv'}'."
    )
    path = tmp_path / "x.jsonl"
    assert message(rollouts.write, path, [{"group": 1, "outcome": 1.0}]) == (
        "rollouts: `turns` must be in every trajectory, got none in trajectory 1."
    )
    assert not path.exists()


def test_a_folder_holds_arrays_lines_and_notes_on_empty_files(tmp_path):
    row = {"group": 1, "outcome": 1.0, "turns": []}
    (tmp_path / "3.json").write_text(json.dumps([row, {**row, "outcome": 2.0}], indent=1))
    (tmp_path / "1.jsonl").write_text(json.dumps(row))
    (tmp_path / "2.jsonl").write_text("\n")
    found = rollouts.read(tmp_path)
    assert found.places == [
        f"{tmp_path / '1.jsonl'} line 1",
        f"{tmp_path / '3.json'} item 1",
        f"{tmp_path / '3.json'} item 2",
    ]
    assert found.notes == (f"{tmp_path / '2.jsonl'} has no rows.",)


def test_what_holds_no_trajectory_is_named(tmp_path):
    wanted = "must hold at least one trajectory, got"
    folder = tmp_path / "folder"
    folder.mkdir()
    assert message(rollouts.read, folder) == (
        f"rollouts: {folder} {wanted} a folder without .json or .jsonl or .parquet files."
    )
    (folder / "1.json").write_text("[]")
    assert message(rollouts.read, folder) == f"rollouts: {folder} {wanted} empty files only."
    assert message(rollouts.read, folder / "1.json") == (
        f"rollouts: {folder / '1.json'} {wanted} a file without rows."
    )


def test_unknown_keys_of_a_file_stand_in_the_notes_behind_those_of_its_format(tmp_path):
    turns = [{"observaton": "a door", "text": "go"}]
    (tmp_path / "x.jsonl").write_text(json.dumps({"group": 1, "outcome": 1, "turns": turns}))
    found = rollouts.read(tmp_path)
    assert found.unknown_keys == ("observaton",)
    assert found.notes == (
        "unknown keys are not read: `observaton` (1 turn; did you mean `observation`?).",
    )
