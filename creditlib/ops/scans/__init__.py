"""Running minima from the end of a row, and the affine recursions that returns are made of."""

from creditlib.ops.backend.operation import Operation
from creditlib.ops.backend.sizes import same_shape
from creditlib.ops.scans import reference

__all__ = ["reverse_minimum"]

reverse_minimum = Operation(
    reference.reverse_minimum,
    schema="(Tensor x, Tensor? row=None) -> Tensor",
    check=same_shape("x"),
    whole=True,
    shape=lambda given: given["x"].new_empty(given["x"].shape),
)
