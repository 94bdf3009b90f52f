"""The forms of the kernel of the highest tokens of a row."""

import triton.language as tl
from kernels.kernel_form import KernelForm

from creditlib.ops.top.triton_kernel import top_kernel
from creditlib.ops.top.triton_launch import WARPS

CHUNK = 1024  # on a GPU


def form(kind, turn, packed):
    pointers = {"score_ptr": f"*{kind}", "turn_ptr": f"*{turn}", "out_ptr": "*u8"}
    pointers |= {"offsets_ptr": "*i64"} if packed else {}
    whole = {"fp32": (tl.int32, 31), "fp64": (tl.int64, 63)}[kind]
    constants = {"INT": whole[0], "SIGN": whole[1], "CHUNK": CHUNK}
    return KernelForm(
        name=f"top_mask/{kind}/{turn}{'/packed' if packed else ''}",
        function=top_kernel,
        signature={**pointers, "width": "i32", "fraction": "fp64"},
        constants=constants if packed else {**constants, "offsets_ptr": None},
        warps=WARPS,
        aligned=(*pointers, "width"),
    )


FORMS = [
    form("fp32", "i8", False),
    form("fp32", "i64", False),
    form("fp64", "i64", False),
    form("fp32", "i8", True),
]
