"""One output: the field of the format, or columns of credit, whole or not at all."""

import json

import pyarrow as arrow
import pyarrow.parquet
import pytest
from credit_cases import lines, plain
from format_files import GROUP
from format_files import lines as format_lines

from creditlib.rollouts.crediting.output import Output
from creditlib.rollouts.crediting.sidecar import Form
from creditlib.rollouts.crediting.sources import open_sources

FORM = Form(
    stitch=False,
    informative=False,
    skip_bad=False,
    spread=False,
    names=frozenset(),
    types={"rloo": arrow.float32()},
)


def source_of(path):
    sources, skipped = open_sources([(path, path)], "auto", skip_bad=False)
    assert not skipped
    return sources[0]


def test_without_a_field_of_its_own_it_has_columns(tmp_path):
    source = source_of(lines(tmp_path / "a.jsonl", plain("a", 1.0), plain("a", 0.0)))
    credit = arrow.table({"rloo": [1.0, -1.0]})
    path = tmp_path / "o" / "a.credit.parquet"
    Output(path, source, b"{}", kept=False).write([(source.units[0], credit)], FORM)
    assert arrow.parquet.read_table(path)["rloo"].to_pylist() == [1.0, -1.0]


def test_with_a_native_field_the_rows_have_it(tmp_path):
    source = source_of(format_lines(GROUP))
    credit = arrow.table({"group": ["x", "x"], "rloo": [2.0, -2.0]})
    path = tmp_path / "x.credited.jsonl"
    Output(path, source, b"{}", kept=False, native="rloo").write([(source.units[0], credit)], FORM)
    (row,) = [json.loads(line) for line in path.read_text().splitlines()]
    assert {number for each in row["advantages"] for number in each} == {2.0, 0.0, -2.0}


@pytest.mark.parametrize("native", ["", "rloo"])
def test_an_error_in_the_middle_leaves_what_was_there(native, tmp_path):
    source = source_of(format_lines(GROUP))
    path = tmp_path / "x.credit.parquet"
    path.write_bytes(b"older")

    def tables():
        yield source.units[0], arrow.table({"group": ["x", "x"], "rloo": [2.0, -2.0]})
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        Output(path, source, b"{}", kept=False, native=native).write(tables(), FORM)
    assert path.read_bytes() == b"older"
    assert [each.name for each in tmp_path.glob("x.*")] == [path.name]
