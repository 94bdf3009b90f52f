"""The forms of the kernels of min-form credit."""

from kernels.kernel_form import KernelForm

from creditlib.ops.min_form.triton_kernel import credit_kernel, returns_kernel, row_kernel
from creditlib.ops.min_form.triton_launch import COLS, CREDIT_WARP, LONGEST, WARP, warps

TYPES = {
    "score_ptr": "*fp32",
    "group_ptr": "*i64",
    "count_ptr": "*i64",
    "valid_ptr": "*u8",
    "unit_ptr": "*i64",
    "length_ptr": "*i64",
    "reward_ptr": "*fp32",
    "kept_ptr": "*fp64",
    "out_ptr": "*fp32",
    "temperature": "fp64",
    "reward_weight": "fp64",
}


def forms():
    """Each form of the return, short rows and the longest, baselines of steps and of tokens."""
    absent = dict.fromkeys(("valid_ptr", "unit_ptr", "length_ptr", "reward_ptr"))
    choices = [
        ("softmin", 16, absent, (80, 90, 100)),
        ("softmin", LONGEST, {}, (80, 90, 100)),
        ("hard_min", 64, {}, (90,)),
        ("suffix_min", 16, absent, (90,)),
        ("suffix_min", LONGEST, {"length_ptr": None}, (90,)),
    ]
    for kernel in (row_kernel, credit_kernel, returns_kernel):
        # Returns are not those of the running minimum.
        kinds = [x for x in choices if kernel is not returns_kernel or x[0] != "suffix_min"]
        for form, turns, options, targets in kinds:
            given = {"FORM": form, "RAW": True, "TURNS": turns, "COLS": COLS, **options}
            constants = {x: given[x] for x in kernel.arg_names if x in given}
            variables = tuple(x for x in kernel.arg_names if x not in constants)
            name = kernel.fn.__name__.removesuffix("_kernel")
            yield KernelForm(
                name=f"min form/{name}/{form}/{turns}/{'plain' if options else 'all of it'}",
                function=kernel,
                signature={x: TYPES.get(x, "i32") for x in variables},
                constants=constants,
                warps=warps(turns, CREDIT_WARP if kernel is credit_kernel else WARP),
                aligned=tuple(x for x in variables if x.endswith("_ptr")),
                targets=targets,
            )


FORMS = list(forms())
