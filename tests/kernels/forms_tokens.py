"""The forms of the kernels between levels."""

from kernels.kernel_form import KernelForm

from creditlib.ops.tokens.triton_kernel import packed_kernel, padded_kernel, sum_kernel
from creditlib.ops.tokens.triton_launch import CHUNK, PACKED, TILES, TURNS, WARPS


def forms():
    """Each tile, credit of rows and of turns, with weights and without, padded and packed."""
    sizes = ("rows", "width", "turns", "tokens", "credit_row", "turn_row", "weight_row", "out_row")
    small = {**dict.fromkeys(sizes, "i32"), "x_row": "i32", "offsets_ptr": "*i64"}
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
            warps=WARPS,
            aligned=variables,
            demands=() if kernel is sum_kernel else ("LDG.E.64", "STG.E.128"),
            # Each token looks its credit up by itself.
            narrow=None if kernel is sum_kernel else 8,
        )


FORMS = list(forms())
