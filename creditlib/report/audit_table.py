"""The table of an audit: what an engineer reads in ten seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditlib.audit.result import Audit
from creditlib.report.audit_standing import HEADINGS, Standing, cells, standings
from creditlib.vocabulary.messages import one_line

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

__all__ = ["NOTE", "audit_table", "table_width"]

NOTE = (
    "Ranked by uSNR: signal over noise of a group's gradient, times the squared cosine of its mean "
    "with the true gradient, mean over tasks. Biased: a cosine below .9. @20: after 20 updates of "
    "its own training. Dead: groups without a gradient. Area: under the exact success curve. "
    "Brackets: 95 % intervals."
)
_RIGHT = {0, 5}


def audit_table(audit: Audit) -> Table:
    """One row an estimator, ranked by uSNR; the audited one is bold, what is biased is red."""
    from creditlib.report.metrics import titled_table

    table = titled_table(one_line(f"{audit.estimator} on {_count(len(audit.tasks), 'task')}"))
    for number, heading in enumerate(HEADINGS):
        justify = "right" if number in _RIGHT else "left"
        table.add_column(heading, justify=justify, overflow="fold")
    for standing in standings(audit):
        style = "bold" if standing.audited else ""
        table.add_row(*_texts(standing), style=style)
    return table


def table_width(table: Table) -> int:
    """The characters of a table in which nothing is wrapped."""
    from rich.console import Console

    return Console(width=1_000_000).measure(table).maximum


def _texts(standing: Standing) -> list[Text]:
    from rich.text import Text

    found = [Text(one_line(text)) for text in cells(standing)]
    if standing.biased:
        found[3] = Text(one_line(cells(standing)[3]), "red")
    return found


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
