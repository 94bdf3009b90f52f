"""The forms of the kernel of GAE of two levels."""

import triton.language as tl
from kernels.kernel_form import KernelForm

from creditlib.ops.two_level.triton_kernel import two_level_kernel
from creditlib.ops.two_level.triton_launch import FORMS as BY_SIZE

NAMES = two_level_kernel.arg_names
RATES = [name for name in NAMES if name.endswith(("gamma", "decay"))]
SIZES = [name for name in NAMES if name.endswith(("stride", "width"))]
ABSENT = {"padded": ("present", "offsets"), "present": ("offsets",), "packed": ("present",)}


def form(few, layout, kind="fp32", turn="i8", targets=(90,)):
    """A form of few rows or of many; narrow accesses: as in `forms_returns`."""
    acc = "fp64" if kind == "fp64" else "fp32"
    chosen = BY_SIZE[8 if kind == "fp64" or turn == "i64" else 4][not few]
    pointers = dict.fromkeys(("reward", "value"), f"*{kind}") | {"turn": f"*{turn}"}
    pointers |= {"present": "*u8", "bootstrap": "*fp32", "offsets": "*i64"}
    pointers |= dict.fromkeys(("advantage", "returns"), f"*{acc}")
    pointers = {name: x for name, x in pointers.items() if name not in ABSENT[layout]}
    return KernelForm(
        name=f"two_level_gae {chosen.chunk} {layout} {kind} {turn}",
        function=two_level_kernel,
        signature={**pointers, **dict.fromkeys(SIZES, "i32"), **dict.fromkeys(RATES, "fp64")},
        constants={
            "ACC": tl.float64 if acc == "fp64" else tl.float32,
            "ID": tl.int64 if turn == "i64" else tl.int32,
            "CHUNK": chosen.chunk,
            **dict.fromkeys(ABSENT[layout]),
        },
        warps=chosen.warps,
        aligned=(*pointers, *SIZES),
        demands=("LDG.E.128", "STG.E.128"),
        narrow=None if layout == "packed" else 3,
        targets=targets,
        maxnreg=chosen.registers,
    )


EVERYWHERE = (80, 90, 100)

FORMS = [
    *(form(few, x, targets=EVERYWHERE) for few in (True, False) for x in ABSENT),
    *(form(few, "packed", turn="i64", targets=EVERYWHERE) for few in (True, False)),
    *(form(few, "present", "fp64", "i64", EVERYWHERE) for few in (True, False)),
    form(False, "padded", "bf16", "i16"),
    form(False, "padded", "fp16", "i32"),
    form(True, "packed", "fp64", "i64"),
]
