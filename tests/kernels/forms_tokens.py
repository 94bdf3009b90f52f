"""The forms of the kernels between levels."""

from kernels.kernel_form import KernelForm

from creditlib.ops.tokens.triton_kernel import packed_kernel, padded_kernel, sum_kernel
from creditlib.ops.tokens.triton_launch import (
    CHUNK,
    PACKED,
    RUN,
    RUN_WARPS,
    TILES,
    TURNS,
    WARPS,
)
from creditlib.ops.tokens.triton_runs import range_kernel, runs_kernel


def forms():
    """Each tile, credit of rows and of turns, with weights and without, padded and packed."""
    sizes = ("rows", "width", "turns", "tokens", "credit_row", "turn_row", "weight_row", "out_row")
    small = {**dict.fromkeys(sizes, "i32"), "x_row": "i32", "offsets_ptr": "*i64"}
    small.update(found_ptr="*i64", sums_ptr="*fp64")
    runs = {"CHUNK": RUN}
    tiles = [{"ROWS": high, "COLS": wide} for _, (high, wide) in TILES]
    last = tiles[-1]
    choices = [
        *(("tokens", padded_kernel, "i64", "fp32", {"BY_TURN": True, **tile}) for tile in tiles),
        (
            "tokens/rows", padded_kernel, "i8", "fp32",
            {"BY_TURN": False, "weight_ptr": None, **last},
        ),
        ("tokens", padded_kernel, "i16", "fp64", {"BY_TURN": True, "weight_ptr": None, **last}),
        ("packed", packed_kernel, "i64", "fp32", {"BY_TURN": True, "BLOCK": PACKED}),
        ("packed/rows", packed_kernel, "i16", "fp32", {"BY_TURN": False, "BLOCK": PACKED}),
        ("sum", sum_kernel, "i64", "fp32", {"EXACT": False, "offsets_ptr": None}),
        ("sum/packed", sum_kernel, "i16", "fp64", {"EXACT": False}),
        ("sum/counts", sum_kernel, "i64", "u8", {"EXACT": True, "offsets_ptr": None}),
        ("range", range_kernel, "i8", "fp32", {"offsets_ptr": None, **runs}),
        ("range/packed", range_kernel, "i64", "fp64", runs),
        ("runs", runs_kernel, "i8", "fp32", {"offsets_ptr": None, **runs}),
        ("runs/packed", runs_kernel, "i64", "fp64", runs),
        ("runs/counts", runs_kernel, "i64", "u8", {"offsets_ptr": None, "found_ptr": None, **runs}),
    ]  # fmt: skip
    for name, kernel, turn, value, form in choices:
        result = "fp64" if value == "fp64" else "fp32"
        types = {"turn_ptr": f"*{turn}", "x_ptr": f"*{value}", "out_ptr": f"*{result}", **small}
        types.update(credit_ptr=f"*{value}", weight_ptr="*fp32")
        given = {"TURNS": TURNS, "CHUNK": CHUNK, **form}
        variables = tuple(x for x in kernel.arg_names if x in types and x not in given)
        tile = "".join(f"/{form[x]}" for x in ("ROWS", "COLS") if x in form)
        yield KernelForm(
            name=f"{name}/{value}/{turn}{tile}",
            function=kernel,
            signature={x: types[x] for x in variables},
            constants={x: given[x] for x in kernel.arg_names if x in given},
            warps=RUN_WARPS if kernel in (range_kernel, runs_kernel) else WARPS,
            aligned=variables,
            demands=("LDG.E.64", "STG.E.128") if "credit_ptr" in kernel.arg_names else (),
            # Each token looks its credit up by itself.
            narrow=8 if "credit_ptr" in kernel.arg_names else None,
        )


FORMS = list(forms())
