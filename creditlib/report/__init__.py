"""What creditlib shows to a reader: credit side by side, and the catalogue of estimators."""

from creditlib.report.catalogue import catalogue, catalogue_table
from creditlib.report.explain import credit_columns, explain

__all__ = ["catalogue", "catalogue_table", "credit_columns", "explain"]
