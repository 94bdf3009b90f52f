"""One form of a kernel: dtypes, flags, block size, warps, and what the compiler must make of it.

Each operation with kernels has a file `forms_<operation>.py` here with a list `FORMS`, built from
the tables that its launcher reads, with one entry for each form that the launcher uses. `report`
finds the files and compiles every form ahead of time, without a GPU. A new kernel adds an entry::

    KernelForm(
        name="to_tokens/float32",         # unique, printed in the report
        function=padded_kernel,           # the @triton.jit function
        signature={"credit_ptr": "*fp32", "turn_ptr": "*i16", "out_ptr": "*fp32", "width": "i32"},
        constants={"offsets_ptr": None, "COLS": 1024},     # constexpr and None arguments
        warps=WARPS,
        aligned=("credit_ptr", "turn_ptr", "out_ptr"),     # multiples of 16 (pointers: bytes)
        demands=("LDG.E.128", "STG.E.128"),                # instructions that must occur
        narrow=4,                         # at most so many 8, 16 and 32 bit LDG and STG
    )
"""

from collections.abc import Mapping
from typing import Any, NamedTuple


class KernelForm(NamedTuple):
    """A form of a kernel as its launcher uses it.

    signature: the types of all arguments that are not in `constants`. aligned: those that are
    multiples of 16. demands: machine instructions that must occur. narrow: how many global
    accesses of at most 32 bits per thread may occur, None for any number. targets: compute
    capabilities to compile for; a form that differs little from another one may name (90,) only.
    maxnreg: registers that a thread may use, None for as many as the compiler likes.
    """

    name: str
    function: Any
    signature: Mapping[str, str]
    constants: Mapping[str, Any]
    warps: int
    aligned: tuple[str, ...] = ()
    demands: tuple[str, ...] = ()
    narrow: int | None = None
    targets: tuple[int, ...] = (80, 90, 100)
    maxnreg: int | None = None
