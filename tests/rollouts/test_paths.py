"""Which files a path stands for, and their order."""

from pathlib import Path

import pytest

from creditlib.rollouts.disk import STANDARD_INPUT
from creditlib.rollouts.paths import files_of_path, is_rollout_file


def tree(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")


def names(path, folder):
    files, _ = files_of_path("read", "path", path)
    return [str(file.relative_to(folder)) for file in files]


def test_a_folder_stands_for_its_own_rollout_files(tmp_path):
    tree(tmp_path, "10.jsonl.gz", "9.json.zst", "1.parquet", "notes.txt", "deep/2.jsonl")
    tree(tmp_path, "1.credit.parquet", "9.credited.jsonl", "4.txt.gz")
    assert names(tmp_path, tmp_path) == ["1.parquet", "9.json.zst", "10.jsonl.gz"]


def test_a_pattern_goes_through_folders_in_the_order_of_numbers(tmp_path):
    tree(tmp_path, "b.jsonl", "step_10/a.jsonl", "step_9/a.jsonl", "step_9/deep/a.jsonl")
    tree(tmp_path, "step_9/a.credit.jsonl", "step_9/a.json")
    assert names(f"{tmp_path}/**/*.jsonl", tmp_path) == [
        "b.jsonl",
        "step_9/a.jsonl",
        "step_9/deep/a.jsonl",
        "step_10/a.jsonl",
    ]
    files, parent = files_of_path("read", "path", f"{tmp_path}/step_*/a.jsonl")
    assert (len(files), parent) == (2, tmp_path)
    assert files_of_path("read", "path", f"{tmp_path}/*/nothing*")[0] == []


def test_a_file_whose_name_looks_like_a_pattern_is_itself(tmp_path):
    tree(tmp_path, "run[1].jsonl", "run1.jsonl")
    assert names(tmp_path / "run[1].jsonl", tmp_path) == ["run[1].jsonl"]
    assert names(tmp_path / "run[2].jsonl", tmp_path) == []


def test_a_path_of_nothing_is_one_file_and_a_dash_is_standard_input():
    assert files_of_path("read", "path", "nothing.txt") == ([Path("nothing.txt")], Path())
    assert files_of_path("read", "path", "-")[0] == [STANDARD_INPUT]


@pytest.mark.parametrize(("name", "known"), [("1.JSON", False), ("gz", False), ("1.zst", False)])
def test_other_names_are_no_rollout_files(name, known):
    assert is_rollout_file(Path(name)) is known


def test_a_null_character_is_refused_by_the_name_of_the_caller(refusal):
    assert refusal(files_of_path, "credit", "paths", "a\0b") == (
        "credit: `paths` must be the path of a file or a folder, got 'a\\x00b'."
    )
