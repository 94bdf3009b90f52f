import creditlib as cl
from creditlib.report.credit_columns import Column, credit_columns
from creditlib.report.metrics import metrics_table
from creditlib.rollouts import from_trajectories

BATCH = from_trajectories(
    [
        {"group": 0, "outcome": 1.0, "turns": [{"observation": "x"}]},
        {"group": 0, "outcome": 0.0, "turns": [{"observation": "x"}]},
    ]
)


def table_of(columns):
    (table,) = metrics_table(BATCH, columns).tables(200)
    return table


def cells(table):
    return [list(column.cells) for column in table.columns]


def test_one_column_per_estimator_and_a_dash_where_a_number_has_no_meaning():
    columns = credit_columns(BATCH, ["rloo", "gigpo", "pure"])
    names, rloo, gigpo = cells(table_of(columns))
    shown = dict(zip(names, zip(rloo, gigpo, strict=True), strict=True))
    tensors = BATCH.tensors
    context = {name: tensors[name] for name in ("group", "reward", "valid", "turn_count")}
    metrics = cl.diagnose(tensors["reward"] * 2 - 1, **context)
    assert shown["credit/abs_mean"][0] == f"{metrics['credit/abs_mean']:.4g}" == "1"
    assert shown["credit/abs_turn_0"] == ("-", shown["credit/abs_mean"][1])
    assert shown["group/count"] == ("1", "1")


def test_columns_without_credit_are_left_out():
    table = table_of([Column("pure", reason="no")])
    assert [column.header for column in table.columns] == ["diagnostic"]
    assert table.row_count == 0


def test_a_narrow_terminal_gets_several_tables():
    columns = credit_columns(BATCH, ["rloo", "gigpo", "grpo"])
    tables = list(metrics_table(BATCH, columns).tables(40))
    assert len(tables) > 1
    assert [c.header for table in tables for c in table.columns[1:]] == ["rloo", "gigpo", "grpo"]
    assert len({tuple(table.columns[0].cells) for table in tables}) == 1
