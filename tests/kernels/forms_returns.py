"""The forms of the kernels of returns."""

import triton.language as tl
from kernels.kernel_form import KernelForm

from creditlib.ops.returns.triton_chunks import finish, summarize
from creditlib.ops.returns.triton_launch import LARGE, SPLIT, TURNS, WHOLE, Form
from creditlib.ops.returns.triton_rows import turns, whole

ACC = {"fp32": tl.float32, "fp64": tl.float64}
ANY = {"gamma", "decay", "chunks"}
WIDE = {
    "whole": ("LDG.E.128", "STG.E.128"),
    "summarize": ("LDG.E.128",),
    "finish": ("LDG.E.128", "STG.E.128"),
}
LAYOUTS = ("padded", "present", "packed")
# Narrow accesses are those to the bootstrap and to rewards before the first written token, to the
# numbers of a chunk, and in `finish` to both and to the numbers of other chunks. The ends of packed
# rows are loaded and stored token by token, so their narrow accesses are not counted.
NARROW = {"whole": 3, "summarize": 7, "finish": 12}


def token_form(
    kernel,
    form: Form,
    layout: str,
    *,
    kind: str = "fp32",
    turn: str = "i16",
    critic: bool = True,
    unit: bool = False,
    everywhere: bool = False,
) -> KernelForm:
    """A form of a kernel over tokens."""
    names, function = kernel.arg_names, kernel.fn.__name__
    acc = "fp64" if kind == "fp64" else "fp32"
    given = dict.fromkeys(("reward", "value"), f"*{kind}") | {"turn": f"*{turn}"}
    given |= {"present": "*u8", "bootstrap": "*fp32", "offsets": "*i64"}
    given |= dict.fromkeys(("advantage", "returns", "parts"), f"*{acc}")
    given |= {name: "i32" for name in names if name.endswith(("stride", "width", "chunks"))}
    given |= {"gamma": "fp64", "decay": "fp64"}
    without = {"present", "offsets"} - {{"present": "present", "packed": "offsets"}.get(layout, "")}
    without |= set() if critic else {"value", "bootstrap", "returns"}
    constants = {"UNIT": unit, "ACC": ACC[acc], "CHUNK": form.chunk, "BLOCK": form.block}
    constants |= dict.fromkeys(without)
    kind = kind if critic else f"{kind} returns"
    return KernelForm(
        name=f"{function} {form.chunk} {layout} {kind} {turn}{' unit' * unit}",
        function=kernel,
        signature={name: given[name] for name in names if name in given and name not in without},
        constants={name: constants[name] for name in names if name in constants},
        warps=form.warps,
        aligned=tuple(name for name in names if name in given and name not in ANY | without),
        demands=WIDE[function],
        narrow=None if layout == "packed" else NARROW[function],
        targets=(80, 90, 100) if everywhere else (90,),
        maxnreg=form.registers,
    )


FORMS = [
    *(token_form(whole, WHOLE[4], layout) for layout in LAYOUTS),
    *(token_form(whole, LARGE[4], layout, everywhere=layout == "padded") for layout in LAYOUTS),
    token_form(whole, LARGE[4], "padded", critic=False, unit=True),
    token_form(whole, LARGE[8], "present", kind="fp64", turn="i64"),
    *(token_form(kernel, SPLIT[4], "padded", everywhere=True) for kernel in (summarize, finish)),
    *(token_form(kernel, SPLIT[4], "packed") for kernel in (summarize, finish)),
    token_form(finish, SPLIT[4], "present"),
    token_form(whole, WHOLE[4], "padded", critic=False, unit=True, everywhere=True),
    *(token_form(whole, WHOLE[4], layout, critic=False) for layout in ("padded", "present")),
    token_form(summarize, SPLIT[4], "padded", critic=False, unit=True),
    token_form(finish, SPLIT[4], "present", critic=False, unit=True),
    token_form(whole, WHOLE[4], "padded", kind="bf16", turn="i8", everywhere=True),
    token_form(whole, WHOLE[4], "padded", kind="fp16", turn="i64"),
    token_form(whole, WHOLE[8], "padded", kind="fp64", turn="i64", everywhere=True),
    token_form(summarize, SPLIT[8], "present", kind="fp64", turn="i64"),
    token_form(finish, SPLIT[8], "present", kind="fp64", turn="i64"),
    *(
        KernelForm(
            name=f"turns {TURNS.chunk} {kind}",
            function=turns,
            signature={"x": f"*{kind}", "where": "*u8", "result": f"*{kind}", "gamma": "fp64"}
            | dict.fromkeys(("stride", "where_stride", "result_stride", "width"), "i32"),
            constants={"ACC": ACC[kind], "CHUNK": TURNS.chunk},
            warps=TURNS.warps,
            maxnreg=TURNS.registers,
        )
        for kind in ACC
    ),
]
