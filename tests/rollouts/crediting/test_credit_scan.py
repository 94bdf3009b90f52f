import pyarrow
from credit_cases import lines, plain

from creditlib.rollouts.crediting.conversion import Reading
from creditlib.rollouts.crediting.scan import scan_unit
from creditlib.rollouts.crediting.sources import expand, open_sources

READING = Reading(frozenset({"reward", "group", "valid"}), False, {})


def test_a_unit_is_scanned_alone_and_its_rows_are_counted_on(tmp_path, monkeypatch):
    monkeypatch.setattr("creditlib.rollouts.crediting.scan._ROWS", 2)
    path = lines(tmp_path / "a.jsonl", *(plain(i, float(i)) for i in range(5)))
    ((source,), _) = open_sources(expand(path), "auto", False)
    parts = scan_unit(source.units[0], READING)
    assert [part.labels.num_rows for part in parts] == [2, 2, 1]
    table = pyarrow.concat_tables([part.columns for part in parts])
    assert table["index"].to_pylist() == [0, 1, 2, 3, 4]
    assert table["place"].to_pylist() == [1, 2, 3, 4, 5]
    assert table["reward"].to_pylist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    rows = pyarrow.concat_tables([part.labels for part in parts])["row"]
    assert rows.to_pylist() == [0, 1, 2, 3, 4]
