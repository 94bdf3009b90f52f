"""Files are opened once, and written whole or not at all."""

import json
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from creditlib import rollouts
from creditlib.rollouts.disk import opened_once, replaced
from creditlib.vocabulary.messages import ContractError

ROWS = [
    {"group": "a", "id": str(n), "outcome": float(n % 2), "turns": [{"text": "x" * 700}]}
    for n in range(12)
]


def fed(path, data):
    """A pipe at `path` into which a thread writes the data in small pieces."""
    os.mkfifo(path)

    def feed():
        with path.open("wb", buffering=0) as pipe:
            for start in range(0, len(data), 900):
                pipe.write(data[start : start + 900])

    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    return thread


def contents(kind, folder):
    """The trajectories as the bytes of a file of a kind."""
    if kind == "array":
        return json.dumps(ROWS, indent=1).encode()
    file = folder / f"file.{kind}"
    rollouts.write(file, ROWS)
    return file.read_bytes()


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "array"])
def test_a_pipe_is_read_whole(kind, tmp_path):
    """Each row is longer than what a look at the start takes away from a pipe."""
    data = contents(kind, tmp_path)
    pipe = tmp_path / "pipe"
    thread = fed(pipe, data)
    found = rollouts.read(pipe)
    thread.join()
    assert [row["id"] for row in found.trajectories] == [row["id"] for row in ROWS]


PROGRAM = """
import sys
from creditlib import rollouts
print(len(rollouts.read("/dev/stdin").trajectories))
"""


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "array"])
def test_standard_input_is_read_whole(kind, tmp_path):
    command = [sys.executable, "-c", PROGRAM]
    data = contents(kind, tmp_path)
    done = subprocess.run(command, input=data, capture_output=True, check=True)
    assert done.stdout.strip() == b"12"


def test_a_pipe_is_opened_once(tmp_path):
    thread = fed(tmp_path / "pipe", b"abc")
    with opened_once(tmp_path / "pipe") as file:
        assert file.read(2) == b"ab"
        file.seek(0)
        assert file.read() == b"abc"
    thread.join()


def test_an_error_leaves_the_old_file_as_it_was(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fails():
        with replaced(path) as file:
            file.write(b"new")
            file.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_full_disk_leaves_the_old_file_as_it_was(suffix, tmp_path):
    """No file may grow beyond 100 bytes: the write fails in the middle."""
    path = tmp_path / f"rollouts.{suffix}"
    rollouts.write(path, ROWS[:1])
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(OSError, match=r"File too large|Errno"):
            rollouts.write(path, ROWS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_text_that_cannot_be_written_loses_nothing(suffix, tmp_path):
    path = tmp_path / f"rollouts.{suffix}"
    rollouts.write(path, ROWS)
    before = path.read_bytes()
    broken = [{**ROWS[0], "turns": [{"text": "half a sign: \ud83d"}]}]
    with pytest.raises(ContractError, match=r"got the lone surrogate .*replace it, such as by"):
        rollouts.write(path, broken)
    assert path.read_bytes() == before


def test_a_number_that_json_lacks_is_refused(tmp_path):
    path = tmp_path / "rollouts.jsonl"
    with pytest.raises(ContractError) as caught:
        rollouts.write(path, [ROWS[0], {**ROWS[1], "mine": float("nan")}])
    assert str(caught.value) == (
        "write: `trajectories` must be text that is JSON in UTF-8, got a number that is not finite "
        "in trajectory 2; write None where there is no value."
    )
    assert not path.exists()


def test_permissions_and_links_stay(tmp_path):
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    with replaced(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640
    mask = os.umask(0o027)
    try:
        with replaced(tmp_path / "fresh") as file:
            file.write(b"x")
    finally:
        os.umask(mask)
    assert (tmp_path / "fresh").stat().st_mode & 0o777 == 0o640


def test_a_device_is_written_directly():
    with replaced(Path(os.devnull)) as file:
        file.write(b"x")
