import io

from audit_by_hand import audit
from rich.console import Console

from creditlib.report.audit_table import audit_table, table_width


def shown(found):
    table = audit_table(found)
    console = Console(file=io.StringIO(), width=table_width(table))
    console.print(table)
    return console.file.getvalue()


def test_a_row_an_estimator_in_the_order_of_the_rank():
    lines = [line for line in shown(audit()).splitlines() if line.strip()]
    assert lines[0].startswith("mine on 2 tasks")
    assert [line.split()[:2] for line in lines[3:]] == [["1", "mine"], ["2", "rloo"], ["–", "hack"]]
    assert "…" not in "".join(lines)


def test_names_cannot_write_on_the_terminal():
    text = shown(audit("[red]\x1b[2Jmine"))
    assert "[red] [2Jmine" in text
    assert "\x1b[2J" not in text
