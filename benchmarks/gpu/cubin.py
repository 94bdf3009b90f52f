"""The machine code of a compiled kernel, counted: registers, spills, instructions, their kinds.

Triton ships the tools that read it, `cuobjdump` and `nvdisasm`, so no GPU is needed.
"""

from __future__ import annotations

import functools
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "LINE",
    "MachineCode",
    "access_width",
    "accesses",
    "operations",
    "read",
    "run_tool",
]

LINE = re.compile(
    r"^(?:(?P<label>\.L\w+):|\s+/\*[0-9a-f]+\*/\s+(?:@(?P<predicate>!?U?P\w+)\s+)?"
    r"(?P<operation>[A-Z][\w.]*)(?P<rest>[^;\n]*))",
    re.MULTILINE,
)


def run_tool(name: str, *arguments: str) -> str:
    """The output of one of the tools that ship with Triton."""
    import triton

    tools = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
    command = [str(tools / name), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@dataclass(frozen=True)
class MachineCode:
    """What the compiler made of a kernel.

    registers: of a thread. stack: bytes. local: instructions that read or write local memory,
    which are spills. shared: bytes that are fixed in the code; Triton asks for more at the launch.
    instructions: all but NOP. barriers, shuffles, atomics, float64: how many of these there are.
    """

    registers: int
    stack: int
    shared: int
    listing: str

    @functools.cached_property
    def operations(self) -> list[str]:
        return operations(self.listing)

    def count(self, *kinds: str) -> int:
        """How many instructions are of one of these kinds.

        >>> MachineCode(1, 0, 0, "   /*0010*/   BAR.SYNC 0x0 ;").count("BAR")
        1
        """
        return sum(operation.split(".")[0] in kinds for operation in self.operations)

    @property
    def instructions(self) -> int:
        return len(self.operations)

    @property
    def local(self) -> int:
        return self.count("LDL", "STL")

    @property
    def barriers(self) -> int:
        return self.count("BAR")

    @property
    def shuffles(self) -> int:
        return self.count("SHFL")

    @property
    def atomics(self) -> int:
        return self.count("ATOM", "ATOMG", "RED", "REDG", "ATOMS")

    @property
    def float64(self) -> int:
        return self.count("DADD", "DMUL", "DFMA", "DSETP", "DMNMX")


def operations(listing: str) -> list[str]:
    """The instructions of a listing, without operands and without NOP.

    >>> operations("   /*0020*/   @!P0  LDG.E.128 R4, desc[UR4][R2.64] ;")
    ['LDG.E.128']
    """
    found = (match["operation"] for match in LINE.finditer(listing) if match["operation"])
    return [each for each in found if not each.startswith("NOP")]


def read(cubin: bytes) -> MachineCode:
    """Read a compiled kernel with the tools that ship with Triton."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(cubin)
        usage = run_tool("cuobjdump", "--dump-resource-usage", str(path))
        listing = run_tool("nvdisasm", "--no-dataflow", str(path))
    found = {key: int(value) for key, value in re.findall(r"\b(REG|STACK|SHARED):(\d+)", usage)}
    return MachineCode(found["REG"], found["STACK"], found["SHARED"], listing)


def accesses(found: Sequence[str]) -> Counter[str]:
    """How often each width of global reads and writes occurs, from instructions.

    >>> sorted(accesses(["LDG.E.128", "LDG.E.U8", "STG.E"]).items())
    [('LDG.128', 1), ('LDG.8', 1), ('STG.32', 1)]
    """
    return Counter(
        f"{each[:3]}.{access_width(each[3:])}" for each in found if each[:3] in ("LDG", "STG")
    )


def access_width(suffix: str) -> int:
    """How many bits a global access moves for a thread.

    >>> access_width(".E.128"), access_width(".E.U8"), access_width(".E")
    (128, 8, 32)
    """
    sizes = [int(size) for size in re.findall(r"\.[US]?(8|16|32|64|128|256)\b", suffix)]
    return max(sizes, default=32)
