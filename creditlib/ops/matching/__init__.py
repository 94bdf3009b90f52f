"""Matching of calls with reference calls: one table of similarities for each row, on the host."""

from creditlib.ops.matching.reference import exact, greedy, transport

__all__ = ["exact", "greedy", "transport"]
