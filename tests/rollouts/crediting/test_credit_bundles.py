import numpy as np
import pyarrow

from creditlib.rollouts.crediting.bundles import order_of_rows, split_by_bundle, stamped
from creditlib.rollouts.crediting.sources import Unit


def test_rows_of_a_unit_are_marked_with_it():
    unit = Unit(3, 1, "x.parquet", "creditlib", True)
    table = stamped(pyarrow.table({"index": [0, 1]}), unit)
    assert table.to_pydict() == {"index": [0, 1], "file": [3, 3], "unit": [1, 1]}


def test_rows_follow_each_other_by_file_then_unit_then_row():
    """(file, unit, index): (1, 0, 0), (0, 1, 1), (0, 0, 2), (0, 1, 0) in the order 2, 3, 1, 0."""
    table = pyarrow.table({"file": [1, 0, 0, 0], "unit": [0, 1, 0, 1], "index": [0, 1, 2, 0]})
    assert order_of_rows(table).tolist() == [2, 3, 1, 0]


def test_rows_are_split_by_the_bundle_of_their_unit():
    bundle = {(0, 0): 0, (0, 1): 1, (1, 0): 1}
    table = pyarrow.table({"file": [1, 0, 0], "unit": [0, 0, 1], "index": np.arange(3)})
    found = {number: rows["index"].to_pylist() for number, rows in split_by_bundle(table, bundle)}
    assert found == {0: [1], 1: [0, 2]}
