"""The forms of the kernels of whitening."""

from kernels.kernel_form import KernelForm

from creditlib.ops.whiten.triton_kernel import (
    FACTOR,
    MASK,
    TURN,
    one_program,
    range_kernel,
    sums_kernel,
    whiten_kernel,
)
from creditlib.ops.whiten.triton_launch import (
    BLOCK,
    PROGRAMS,
    REGISTERS,
    REGISTERS_ALONE,
    WARPS,
)


def forms():
    """Every kernel for each kind of weight; in float64, on rows apart, and for moments only."""
    sizes = dict.fromkeys(("n", "width", "x_row", "w_row", "out_row", "programs"), "i32")
    mask, counts = ("u8", MASK), ("i64", FACTOR)
    choices = [("fp32", weight, True, True) for weight in (mask, counts, ("i64", TURN))]
    choices += [
        ("fp64", mask, True, True),
        ("fp32", mask, False, True),
        ("fp32", mask, True, False),
    ]
    for x, (weight, kind), flat, values in choices:
        types = {"x_ptr": f"*{x}", "w_ptr": f"*{weight}", "out_ptr": f"*{x}", **sizes}
        types.update(partial_ptr="*fp64", moments_ptr="*fp64")
        given = {"KIND": kind.value, "FLAT": flat, "WRITE": values, "EPS": 1e-8}
        given.update(PROGRAMS=PROGRAMS, BLOCK=BLOCK)
        form = f"{x}/{weight}-{kind.value}/{'flat' if flat else 'rows'}"
        every = (x, weight) == ("fp32", "u8") and flat and values
        more = [range_kernel, sums_kernel] if values else []
        for kernel in (one_program, whiten_kernel, *more):
            names = kernel.arg_names
            variables = tuple(name for name in names if name in types)
            yield KernelForm(
                name=f"whiten/{kernel.fn.__name__}/{form}{'' if values else '/moments'}",
                function=kernel,
                signature={name: types[name] for name in variables},
                constants={name: given[name] for name in names if name in given},
                warps=WARPS,
                aligned=tuple(name for name in variables if name != "programs"),
                demands=("LDG.E.128",) if values else (),
                # A mask is read four bytes at once, in each of three loops.
                narrow=3 if flat else None,
                targets=(80, 90, 100) if every else (90,),
                maxnreg=REGISTERS_ALONE if kernel is one_program else REGISTERS[kind.value],
            )


FORMS = list(forms())
