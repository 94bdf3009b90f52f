"""What people read: the page, tables, figure and JSON on a batch, and the catalogue.

The laws, the claims and the audit have their tables and texts here too.
"""

from creditlib.report.catalogue import catalogue, catalogue_table
from creditlib.report.credit_columns import credit_columns
from creditlib.report.explain import explain
from creditlib.report.explain_json import explain_json
from creditlib.report.figure import figure
from creditlib.report.page import report_page, write_report

__all__ = [
    "catalogue",
    "catalogue_table",
    "credit_columns",
    "explain",
    "explain_json",
    "figure",
    "report_page",
    "write_report",
]
