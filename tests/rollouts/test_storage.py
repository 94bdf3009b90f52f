import pickle
from pathlib import Path, PurePath

import pytest
from store_cases import put

from creditlib.rollouts.addresses import Address
from creditlib.rollouts.storage import below, check_reached, location, looked_up


@pytest.mark.parametrize(
    ("text", "root", "key", "query"),
    [
        ("s3://bucket", "s3://bucket", "", ""),
        ("s3://bucket/runs/", "s3://bucket", "runs", ""),
        ("gs://bucket/a b/1.jsonl", "gs://bucket", "a b/1.jsonl", ""),
        ("s3://bucket?region=x", "s3://bucket", "", "?region=x"),
        ("s3://bucket/runs?region=x&scheme=http", "s3://bucket", "runs", "?region=x&scheme=http"),
        ("s3://bucket/run?/[0-9].jsonl", "s3://bucket", "run?/[0-9].jsonl", ""),
        ("https://host:80/a/1.jsonl?x", "https://host:80", "a/1.jsonl", "?x"),
        ("hf://datasets/name/set/1.parquet", "hf://datasets", "name/set/1.parquet", ""),
        ("memory:///runs/1.jsonl", "memory://", "runs/1.jsonl", ""),
    ],
)
def test_the_parts_of_an_address(text, root, key, query):
    found = location(text)
    assert found == Address(root, key, query)
    assert location(found) is found
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize("text", ["runs/1.jsonl", "C:/runs", "a:b", "-", ".", "x://"[:2]])
def test_what_has_no_scheme_is_a_path(text):
    assert location(text) == Path(text)


def test_an_address_of_a_file_is_its_path(tmp_path):
    path = tmp_path / "a b%.jsonl"
    assert location(path.as_uri()) == location(f"file://localhost{path.as_uri()[7:]}") == path


def test_a_file_of_another_machine_is_refused(refusal):
    text = refusal(location, "file://host/runs")
    assert text.endswith("such as file:///runs, got 'file://host/runs'.")


def test_an_address_that_lost_a_slash_is_refused_unless_it_exists(tmp_path, refusal, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refusal(location, Path("s3://bucket/x")) == (
        "rollouts: the address of a file must be a text with `://`, got PosixPath('s3:/bucket/x')."
    )
    (tmp_path / "s3:").mkdir()
    assert location("s3:/bucket/x") == Path("s3:/bucket/x")


def test_what_follows_a_folder():
    assert below(Path("runs/a/1.jsonl"), Path("runs")) == PurePath("a/1.jsonl")
    assert below(Path("1.jsonl"), Path()) == PurePath("1.jsonl")
    assert below(Path("runs"), Path("runs")) == PurePath()


def test_paths_stay_and_addresses_are_looked_up(memory):
    put(f"{memory}/1.bin", b"12")
    path, found = looked_up([Path("x"), location(f"{memory}/1.bin")])
    assert (path, found.found.size) == (Path("x"), 2)


def test_errors_of_a_store_are_told_from_errors_of_the_content():
    """Only an address has a store; pyarrow says whose error it is in the text alone."""
    lost = OSError("When reading information for key 'x': AWS Error NETWORK_CONNECTION")
    check_reached("x.parquet", lost)
    check_reached("s3://bucket/x.parquet", OSError("Corrupt snappy compressed data."))
    with pytest.raises(OSError, match="AWS Error") as caught:
        check_reached("s3://bucket/x.parquet", lost)
    assert caught.value.filename == "s3://bucket/x.parquet"
    with pytest.raises(PermissionError):
        check_reached("s3://bucket/x.parquet", PermissionError(13, "no", "x"))
