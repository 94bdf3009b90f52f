"""Which of two weighted centroids a vector is nearer to, in one pass over blocks of rows."""

from creditlib.ops.margin.reference import two_sided_margin

__all__ = ["two_sided_margin"]
