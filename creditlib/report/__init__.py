"""Tables for a reader: credit of estimators side by side, the catalogue, the law report."""

from creditlib.report.catalogue import catalogue, catalogue_table
from creditlib.report.explain import credit_columns, explain

__all__ = ["catalogue", "catalogue_table", "credit_columns", "explain"]
