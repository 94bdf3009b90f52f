import gzip
import io
import json
import sys

import pyarrow.parquet
import pytest
from credit_cases import names_in, plain, refusal, spread, written
from format_files import GROUP

from creditlib import rollouts

LINES = [plain("a", 1.0), plain("a", 0.0, turns=2)]


class Typed:
    """A standard input that holds some bytes."""

    def __init__(self, data):
        self.buffer = io.BytesIO(data)


def as_bytes(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_standard_input_is_credited_like_a_file(pack, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Typed(pack(as_bytes(*LINES))))
    found = rollouts.credit("-", ["rloo", "spread_back"], out=tmp_path / "o")
    assert found.outputs == (str(tmp_path / "o" / "stdin.credit.parquet"),)
    assert written(found)["rloo"].to_pylist() == [1.0, -1.0]
    assert [len(credit) for credit in written(found)["spread_back"].to_pylist()] == [1, 2]


def test_parquet_by_standard_input_with_other_files(tmp_path, monkeypatch):
    spread(tmp_path / "runs", LINES, files=2)
    data = (tmp_path / "runs" / "1.parquet").read_bytes()
    monkeypatch.setattr(sys, "stdin", Typed(data))
    found = rollouts.credit(
        [tmp_path / "runs" / "0.parquet", "-"], "rloo", out=tmp_path / "o", stitch=True
    )
    assert names_in(tmp_path / "o") == ["0.credited.parquet", "stdin.credited.parquet"]
    assert written(found)["rloo"].to_pylist() == [1.0, -1.0]


@pytest.mark.parametrize("name", ["x.parquet", "below/x.jsonl"])
def test_the_output_may_be_a_file(name, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Typed(as_bytes(*LINES)))
    found = rollouts.credit("-", "rloo", out=tmp_path / name)
    assert found.outputs == (str(tmp_path / name),)
    if name.endswith("jsonl"):
        rows = [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
    else:
        rows = pyarrow.parquet.read_table(tmp_path / name).to_pylist()
    assert [row["rloo"] for row in rows] == [1.0, -1.0]


def test_messages_and_names_of_groups_say_standard_input(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Typed(as_bytes(GROUP, GROUP)))
    found = rollouts.credit("-", "rloo", out=tmp_path)
    groups = ["<stdin> line 1"] * 2 + ["<stdin> line 2"] * 2
    assert written(found)["group"].to_pylist() == groups
    broken = as_bytes(*LINES) + b"{\n"
    monkeypatch.setattr(sys, "stdin", Typed(broken))
    assert "in <stdin> line 3 column 2" in refusal("-", "rloo", out=tmp_path / "o")
    monkeypatch.setattr(sys, "stdin", Typed(broken))
    (note,) = rollouts.credit("-", "rloo", out=tmp_path / "o", skip_bad=True).notes
    assert "in <stdin> line 3 column 2" in note
    monkeypatch.setattr(sys, "stdin", Typed(b""))
    text = refusal("-", "rloo", out=tmp_path / "p")
    assert text == "rollouts: <stdin> must hold at least one trajectory, got an empty file."


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {},
            "credit: `out` must be a folder or a file to write to where standard input is read, "
            "got None.",
        ),
        (
            {"out": "o", "resume": True},
            "credit: `resume` must be left out where standard input is read, got True.",
        ),
        (
            {"out": "o", "engine": "ray"},
            "credit: `engine` must be 'local' where standard input is read, got 'ray'.",
        ),
    ],
)
def test_what_does_not_go_with_standard_input_is_refused_before_it_is_read(options, sentence):
    assert refusal("-", "rloo", **options) == sentence


def test_a_file_of_another_kind_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stdin", Typed(as_bytes(*LINES)))
    assert refusal("-", "rloo", out=tmp_path / "x.parquet", to="jsonl") == (
        "credit: `out` must be a folder or a file that ends in .jsonl, got "
        f"{str(tmp_path / 'x.parquet')!r}."
    )
