"""The forms of the kernel of running minima."""

import triton.language as tl
from kernels.kernel_form import KernelForm

from creditlib.ops.scans.triton_kernel import minimum_kernel
from creditlib.ops.scans.triton_launch import CHUNK, REGISTERS, WARPS

SIZES = ("stride", "out_stride", "width")

FORMS = [
    KernelForm(
        name=f"reverse_minimum/{kind}",
        function=minimum_kernel,
        signature={"x": f"*{kind}", "out": f"*{kind}"} | dict.fromkeys(SIZES, "i32"),
        constants={"ACC": acc, "CHUNK": CHUNK},
        warps=WARPS,
        aligned=("x", "out", *SIZES),
        demands=("LDG.E.128", "STG.E.128"),
        narrow=0,
        maxnreg=REGISTERS,
    )
    for kind, acc in (("fp32", tl.float32), ("fp64", tl.float64))
]
