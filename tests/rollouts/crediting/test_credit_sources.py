import pyarrow.parquet
import pytest
from credit_cases import lines, plain

from creditlib import rollouts
from creditlib.rollouts.crediting.sources import expand, open_sources
from creditlib.vocabulary.messages import ContractError

ROW = plain("a", 1.0)


def names(paths):
    return [file.name for file, _ in expand(paths)]


def test_files_folders_and_patterns_each_file_once(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for name in ("10.jsonl", "2.jsonl", "2.credit.parquet", "2.credited.jsonl", "notes.txt"):
        lines(tmp_path / name, ROW)
    lines(tmp_path / "deep" / "er" / "3.jsonl", ROW)
    assert names(tmp_path) == ["2.jsonl", "10.jsonl"]
    assert names([tmp_path / "10.jsonl", tmp_path]) == ["10.jsonl", "2.jsonl"]
    assert set(names(str(tmp_path / "**" / "*.jsonl"))) == {"2.jsonl", "10.jsonl", "3.jsonl"}
    assert names(tmp_path / "notes.txt") == ["notes.txt"]  # a file that is named is taken
    ((_, parent),) = expand(str(tmp_path / "deep" / "*" / "3.jsonl"))
    assert parent == tmp_path / "deep"


@pytest.mark.parametrize("paths", [[], "nothing*.jsonl", "a\0b"])
def test_nothing_is_refused(paths, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ContractError, match="credit: `paths` must be"):
        expand(paths)


def test_units_are_row_groups_and_files_of_lines(tmp_path):
    path = tmp_path / "a.parquet"
    rollouts.write(path, [plain(str(i), 1.0) for i in range(5)])
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(path), path, row_group_size=2)
    lines(tmp_path / "b.jsonl", ROW)
    (tmp_path / "c.json").write_text('[{"group": 1, "outcome": 1, "turns": []}]')
    sources, lost = open_sources(expand(tmp_path), "auto", skip_bad=False)
    first = [(unit.group, unit.first, unit.rows) for unit in sources[0].units]
    assert first == [(0, 1, 2), (1, 3, 2), (2, 5, 1)]
    assert [source.noun for source in sources] == ["row", "line", "item"]
    assert sources[2].place(1).endswith("c.json item 1")
    assert lost == []
