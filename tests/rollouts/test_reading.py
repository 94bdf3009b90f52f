import gzip
import io
import json
import sys

import pytest

from creditlib import rollouts
from creditlib.rollouts.formats import format_names
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
        f"rollouts: {unknown} must hold rows of the format {format_names()}, got the keys "
        "`question`, `answer`; name its keys by `keys=` or `--key`, or convert them with "
        "`creditlib.rollouts.from_trajectories`."
    )
    assert message(rollouts.read, unknown, format="csv") == (
        f"read: `format` must be one of 'auto', {', '.join(map(repr, rollouts.FORMATS))}, a "
        "RolloutFormat or 'package.module:NAME', got 'csv'."
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


def test_several_paths_are_read_in_the_order_given_each_once(tmp_path):
    (tmp_path / "deep").mkdir()
    for number, name in enumerate(("1.jsonl", "deep/2.jsonl", "deep/3.jsonl"), start=1):
        row = {"group": number, "outcome": float(number), "turns": [{}]}
        rollouts.write(tmp_path / name, [row])
    paths = [str(tmp_path / "**" / "3.jsonl"), tmp_path / "1.jsonl", tmp_path / "deep"]
    assert rollouts.read(paths).tensors["reward"].tolist() == [3.0, 1.0, 2.0]
    assert rollouts.read(f"{tmp_path}/**/*.jsonl").tensors["reward"].tolist() == [1.0, 2.0, 3.0]


def test_one_of_several_paths_that_stands_for_nothing_is_named(tmp_path):
    rollouts.write(tmp_path / "1.jsonl", TRAJECTORIES)
    (tmp_path / "empty").mkdir()
    wanted = "must hold at least one trajectory, got"
    listed = [tmp_path / "1.jsonl", tmp_path / "empty"]
    assert message(rollouts.read, listed) == (
        f"rollouts: {listed[1]} {wanted} a folder without .json or .jsonl or .parquet files."
    )
    pattern = f"{tmp_path}/*.parquet"
    assert message(rollouts.read, pattern) == (
        f"rollouts: {pattern} {wanted} a pattern that no file matches."
    )
    assert message(rollouts.read, []) == "read: `path` must be at least one path, got none."
    (tmp_path / "2.jsonl").write_text("")
    (tmp_path / "3.jsonl").write_text("")
    listed = [tmp_path / "2.jsonl", tmp_path / "3.jsonl"]
    assert message(rollouts.read, listed) == (
        f"rollouts: {listed[0]} and 1 more {wanted} empty files only."
    )
    row = {"input": "q", "output": "a", "gts": None, "score": 1.0, "step": 2}
    (tmp_path / "2.jsonl").write_text(json.dumps(row))
    listed = [tmp_path / "1.jsonl", tmp_path / "2.jsonl"]
    assert message(rollouts.read, listed) == (
        f"rollouts: {listed[0]} and 1 more must hold files of one format, got creditlib and verl."
    )


class Typed:
    """A standard input that holds some bytes."""

    def __init__(self, data):
        self.buffer = io.BytesIO(data)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_dash_is_standard_input(pack, monkeypatch):
    lines = "".join(json.dumps({**TRAJECTORIES[0], "outcome": n}) + "\n" for n in range(3))
    monkeypatch.setattr(sys, "stdin", Typed(pack(lines.encode())))
    found = rollouts.read("-")
    assert found.tensors["reward"].tolist() == [0.0, 1.0, 2.0]
    assert found.places[2] == "<stdin> line 3"
    monkeypatch.setattr(sys, "stdin", Typed(pack(b'{"group": 1}\n')))
    assert "<stdin>" in message(rollouts.read, "-")
    monkeypatch.setattr(sys, "stdin", Typed(pack(b"")))
    assert message(rollouts.read, "-") == (
        "rollouts: - must hold at least one trajectory, got a file without rows."
    )


def test_parquet_may_come_by_standard_input(monkeypatch, tmp_path):
    rollouts.write(tmp_path / "x.parquet", TRAJECTORIES)
    monkeypatch.setattr(sys, "stdin", Typed((tmp_path / "x.parquet").read_bytes()))
    assert rollouts.read("-").places == ["<stdin> row 1"]


def test_an_indented_array_and_flags_as_outcomes(tmp_path):
    rows = [{"group": "a", "outcome": flag, "turns": []} for flag in (True, False)]
    path = tmp_path / "x.json"
    path.write_text(json.dumps(rows, indent=4))
    assert rollouts.read(path).tensors["reward"].tolist() == [1.0, 0.0]
    path.write_text(json.dumps(rows[0], indent=4))
    assert rollouts.read(path).tensors["reward"].tolist() == [1.0]
