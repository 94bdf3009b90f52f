"""Statistics by group: center and scale of values among those with equal ids."""

from creditlib.ops.backend.operation import Operation
from creditlib.ops.backend.sizes import broadcast_to, same_shape
from creditlib.ops.groups import reference
from creditlib.ops.precision import narrow, wide

__all__ = ["dense", "group_scale", "relative"]

dense = Operation(reference.dense)

group_scale = Operation(
    reference.group_scale,
    schema="(Tensor x, Tensor index, Tensor where, str scale='std', int ddof=1) -> Tensor",
    check=same_shape("x", "index", "where"),
    shape=lambda given: given["x"].new_empty(given["x"].shape),
)

relative = Operation(
    reference.relative,
    schema="(Tensor x, Tensor[] keys, Tensor? where, str? center='mean', Tensor? weight=None, "
    "Tensor? leave_out=None, str? scale=None, int ddof=1, float eps=0.0, str eps_at='std', "
    "float variance_eps=0.0, str? lone=None, Tensor? otherwise=None) -> Tensor",
    check=broadcast_to("x", "keys", "where", "weight", "leave_out", "otherwise"),
    shape=lambda given: narrow(wide(given["x"].new_empty(given["x"].shape)), given["x"]),
)
