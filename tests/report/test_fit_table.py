from rich.table import Table

from creditlib.report.credit_columns import Column
from creditlib.report.fit_table import Fitted

COLUMNS = [Column(name) for name in ("one", "two", "three")]


def build(columns, texts):
    table = Table(box=None, padding=0, pad_edge=False)
    if texts:
        table.add_column("text")
    for column in columns:
        table.add_column(column.name, no_wrap=True)
    table.add_row(*(["a text"] if texts else []), *["123456"] * len(columns))
    return table


def layout(width):
    tables = list(Fitted(build, COLUMNS, texts=6).tables(width))
    return [[column.header for column in table.columns] for table in tables]


def test_one_table_where_all_fits():
    assert Fitted(build, COLUMNS, texts=6).width == 24
    assert layout(24) == [["text", "one", "two", "three"]]


def test_texts_go_first_then_the_columns_are_spread():
    assert layout(23) == layout(18) == [["one", "two", "three"]]
    assert layout(17) == layout(12) == [["one", "two"], ["three"]]
    assert layout(11) == layout(1) == [["one"], ["two"], ["three"]]


def test_without_columns_there_is_one_table():
    tables = list(Fitted(build, [], texts=6).tables(3))
    assert [len(table.columns) for table in tables] == [0]
