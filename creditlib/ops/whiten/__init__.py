"""Whitening: mean and reciprocal deviation under weights, and values standardized by them."""

from creditlib.ops.backend.operation import Operation
from creditlib.ops.backend.sizes import same_shape
from creditlib.ops.precision import wide
from creditlib.ops.whiten import reference

__all__ = ["moments", "standardize"]

moments = Operation(
    reference.moments,
    schema="(Tensor x, Tensor weight, float eps) -> (Tensor, Tensor)",
    check=same_shape("x", "weight"),
    shape=lambda given: (wide(given["x"].new_empty(())), wide(given["x"].new_empty(()))),
    clones=True,
)

standardize = Operation(
    reference.standardize,
    schema="(Tensor x, Tensor weight, float eps) -> Tensor",
    check=same_shape("x", "weight"),
    shape=lambda given: given["x"].new_empty(given["x"].shape),
)
