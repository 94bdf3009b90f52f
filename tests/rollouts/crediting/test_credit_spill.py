import pyarrow

from creditlib.rollouts.crediting.spill import Store, loaded

TABLES = [
    ("a", pyarrow.table({"x": [1, 2]})),
    ("b", pyarrow.table({"x": [3], "y": [[1.0, None]]})),
    ("a", pyarrow.table({"x": [4], "name": pyarrow.nulls(1, pyarrow.string())})),
    ("c", pyarrow.table({"x": pyarrow.array([], pyarrow.int64())})),
    ("a", pyarrow.table({"x": [5]})),
]


def test_tables_come_back_as_they_were_whatever_the_budget(tmp_path):
    for budget, files in ((10**6, 0), (0, 4), (30, 1)):
        with Store(budget, tmp_path) as store:
            for key, table in TABLES:
                store.put(key, table)
            assert store.spilled == files
            assert store.used() == {"a", "b"}  # a table without rows is none
            for key in "ab":
                wanted = [table for name, table in TABLES if name == key]
                found = pyarrow.concat_tables(loaded(store.lend(key)), promote_options="default")
                whole = pyarrow.concat_tables(wanted, promote_options="default")
                assert found.to_pydict() == whole.to_pydict()
                assert found.schema == whole.schema
            assert store.lend("a") == []
        assert list(tmp_path.iterdir()) == []
