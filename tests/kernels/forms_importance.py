"""The form of the kernel of the ratios of tokens."""

from kernels.kernel_form import KernelForm

from creditlib.ops.importance.reference import LARGEST_LOG
from creditlib.ops.importance.triton_kernel import ratio_kernel
from creditlib.ops.importance.triton_launch import BLOCK, WARPS

ENDS = dict.fromkeys(("low", "high", "below", "above"), "fp64")

FORMS = [
    KernelForm(
        name=f"token_ratios/{kind}/{turn}",
        function=ratio_kernel,
        signature={
            "new_ptr": f"*{kind}",
            "old_ptr": f"*{kind}",
            "turn_ptr": f"*{turn}",
            "out_ptr": f"*{result}",
            "tokens": "i32",
            **ENDS,
        },
        constants={"LARGEST": LARGEST_LOG, "BLOCK": BLOCK},
        warps=WARPS,
        aligned=("new_ptr", "old_ptr", "turn_ptr", "out_ptr", "tokens"),
        demands=("LDG.E.64", "STG.E.128") if kind == "bf16" else ("LDG.E.128", "STG.E.128"),
    )
    for kind, result, turn in (
        ("fp32", "fp32", "i8"),
        ("bf16", "fp32", "i64"),
        ("fp64", "fp64", "i64"),
    )
]
