"""Compressed files give what they hold; broken ones are named."""

import gzip
import io
import json
import sys
from pathlib import Path

import pyarrow
import pytest

from creditlib import rollouts
from creditlib.rollouts import compressed
from creditlib.rollouts.storage import location

ROWS = [
    {"group": n // 2, "outcome": float(n), "turns": [{"text": f"{n} " * 50}]} for n in range(400)
]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def zst(data):
    return pyarrow.compress(data, "zstd", asbytes=True)


PACKERS = pytest.mark.parametrize(
    ("pack", "end", "kind"), [(gzip.compress, "gz", "gzip"), (zst, "zst", "Zstandard")]
)


@PACKERS
def test_lines_and_arrays_are_read(pack, end, kind, tmp_path):
    (tmp_path / f"1.jsonl.{end}").write_bytes(pack(LINES))
    (tmp_path / f"2.json.{end}").write_bytes(pack(json.dumps(ROWS, indent=2).encode()))
    (tmp_path / f"3.json.{end}").write_bytes(pack(json.dumps(ROWS[0], indent=2).encode()))
    found = rollouts.read(tmp_path)
    assert found.tensors["reward"].tolist() == [*range(400), *range(400), 0.0]
    assert found.places[399] == f"{tmp_path / f'1.jsonl.{end}'} line 400"
    assert found.places[799] == f"{tmp_path / f'2.json.{end}'} item 400"
    assert found.places[800] == f"{tmp_path / f'3.json.{end}'}"


@PACKERS
def test_files_that_were_joined_are_one(pack, end, kind, tmp_path):
    path = tmp_path / f"x.jsonl.{end}"
    path.write_bytes(pack(LINES[:1000]) + pack(LINES[1000:]))
    assert len(rollouts.read(path).trajectories) == 400


@PACKERS
@pytest.mark.parametrize("kept", [5, 100, -8])
def test_data_that_ends_early_is_named(pack, end, kind, kept, refusal, tmp_path):
    path = tmp_path / f"x.jsonl.{end}"
    path.write_bytes(pack(LINES)[:kept])
    text = refusal(rollouts.read, path)
    assert text.startswith(f"rollouts: a file must be whole, got {kind} data that is broken in")
    assert str(path) in text


@PACKERS
def test_a_broken_line_inside_has_its_number(pack, end, kind, refusal, tmp_path):
    path = tmp_path / f"x.jsonl.{end}"
    path.write_bytes(pack(LINES + b'{"group":'))
    text = refusal(rollouts.read, path)
    assert f"got text that is not JSON in {path} line 401 column 10" in text


@PACKERS
def test_parquet_inside_is_refused(pack, end, kind, refusal, tmp_path):
    path = tmp_path / f"x.parquet.{end}"
    path.write_bytes(pack(b"PAR1 and more"))
    assert refusal(rollouts.read, path) == (
        f"rollouts: a Parquet file must be read as it is, got {kind} data in {path}; decompress it."
    )


@PACKERS
def test_an_empty_file_inside_has_no_rows(pack, end, kind, refusal, tmp_path):
    path = tmp_path / f"x.jsonl.{end}"
    path.write_bytes(pack(b""))
    assert refusal(rollouts.read, path).endswith("got a file without rows.")


@PACKERS
def test_it_can_be_read_again_from_its_start(pack, end, kind, tmp_path):
    with io.BytesIO(pack(LINES)) as file:
        found = compressed.decompressed(tmp_path, file)
        for _ in range(3):
            assert found.read(10) == LINES[:10]
            assert found.seek(0) == found.tell() == 0
        assert found.read() == LINES
        with pytest.raises(io.UnsupportedOperation):
            found.seek(7)


def test_what_is_not_compressed_is_the_file_itself(tmp_path):
    file = io.BytesIO(LINES)
    assert compressed.decompressed(tmp_path, file) is file
    assert file.tell() == 0


def test_zstandard_without_pyarrow_names_the_extra(refusal, monkeypatch, tmp_path):
    path = tmp_path / "x.jsonl.zst"
    path.write_bytes(zst(LINES))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    text = refusal(rollouts.read, path)
    assert text.startswith("rollouts: Zstandard files need pyarrow: pip install ")


class Lost(io.BytesIO):
    """A file of a store that cannot be reached after its first bytes."""

    def read(self, size=-1):
        if self.tell() or size != 4:
            raise OSError(5, "no connection", "s3://bucket/x.jsonl.gz")
        return super().read(size)


def test_a_store_that_cannot_be_reached_is_no_broken_file(refusal):
    data = gzip.compress(b"{}")
    with pytest.raises(OSError, match="no connection"):
        compressed.decompressed(location("s3://bucket/x.jsonl.gz"), Lost(data))
    text = refusal(compressed.decompressed, Path("x.jsonl.gz"), Lost(data))
    assert text.startswith("rollouts: a file must be whole, got gzip data that is broken in x")
