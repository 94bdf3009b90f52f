"""The forms of the kernels of `relative`."""

from kernels.kernel_form import KernelForm

from creditlib.ops.groups.triton_kernel import relative_kernel
from creditlib.ops.groups.triton_launch import BLOCK, COLS, ROWS, WARPS
from creditlib.ops.groups.triton_table import add_kernel, finish_kernel, insert_kernel


def forms():
    """One key and two, centers of all rows and of the others, weights, values for the rest."""
    group = {"CENTER": "mean", "OTHERS": False, "SCALE": "std", "LONE": "zero"}
    others = {**group, "OTHERS": True}
    fixed = {"DDOF": 1, "EPS": 1e-6, "EPS_AT": "std", "VARIANCE_EPS": 0.0}
    fixed.update(ROWS=ROWS, COLS=COLS)
    two_keys = dict.fromkeys(("leave_out_ptr", "weight_ptr", "otherwise_ptr"))
    one_key = {**two_keys, "second_ptr": None}
    choices = [
        ("mean/one key", "fp32", {**one_key, **group}),
        ("mean/no key", "fp32", {**one_key, "first_ptr": None, **group}),
        ("mean/two keys", "fp64", {**two_keys, **group}),
        ("leave one out/no scale", "fp32", {**one_key, **others, "SCALE": None}),
        ("all of it", "fp32", others),
    ]
    names = relative_kernel.arg_names
    for name, value, form in choices:
        given = {**fixed, **form}
        types = dict.fromkeys(names, "i32") | {x: "*i64" for x in names if x.endswith("_ptr")}
        types.update(x_ptr=f"*{value}", where_ptr="*u8", otherwise_ptr="*fp64", out_ptr=f"*{value}")
        tensors = tuple(x for x in names if x not in given)
        yield KernelForm(
            name=f"relative/{name}/{value}",
            function=relative_kernel,
            signature={x: types[x] for x in tensors},
            constants={x: given[x] for x in names if x in given},
            warps=WARPS,
            aligned=tuple(x for x in tensors if x.endswith("_ptr")),
            targets=(80, 90, 100) if name == "all of it" else (90,),
        )


TABLE = {
    "x_ptr": "*fp32",
    "where_ptr": "*u8",
    "weight_ptr": "*i64",
    "otherwise_ptr": "*fp32",
    "first_ptr": "*i64",
    "second_ptr": "*i64",
    "slot_ptr": "*i32",
    "owner_ptr": "*i32",
    "part_ptr": "*i32",
    "count_ptr": "*i64",
    "part_count_ptr": "*i64",
    "edge_ptr": "*i64",
    "sum_ptr": "*fp64",
    "out_ptr": "*fp32",
}


def table_forms():
    """Plain groups as those of GRPO, an index of parts, and all options together."""
    scale = {"SCALE": "std", "DDOF": 1, "EPS": 1e-6, "EPS_AT": "std", "VARIANCE_EPS": 0.0}
    fixed = {"CENTER": "mean", "LONE": "zero", "SQUARES": True, "BLOCK": BLOCK, **scale}
    absent = ("where_ptr", "weight_ptr", "otherwise_ptr", "second_ptr", "part_ptr")
    plain = dict.fromkeys((*absent, "part_count_ptr"))
    parts = {"x_ptr": None, "weight_ptr": None}
    choices = [
        *((kernel, "plain", plain) for kernel in (insert_kernel, add_kernel, finish_kernel)),
        *((kernel, "all of it", {}) for kernel in (insert_kernel, add_kernel, finish_kernel)),
        (insert_kernel, "parts", parts),
    ]
    for kernel, name, form in choices:
        given = {**fixed, **form}
        constants = {x: given[x] for x in kernel.arg_names if x in given}
        variables = tuple(x for x in kernel.arg_names if x not in constants)
        yield KernelForm(
            name=f"table/{kernel.fn.__name__.removesuffix('_kernel')}/{name}",
            function=kernel,
            signature={x: TABLE.get(x, "i32") for x in variables},
            constants=constants,
            warps=WARPS,
            aligned=tuple(x for x in variables if x.endswith("_ptr")),
            targets=(80, 90, 100) if name == "all of it" else (90,),
        )


FORMS = [*forms(), *table_forms()]
