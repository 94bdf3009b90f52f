"""Compiles every Triton kernel of creditlib ahead of time, for GPUs that need not be there.

    PYTHONPATH=tests python -m kernels.report [--targets 80 90 100] [--only PART_OF_NAME]

prints one line per kernel and target: registers, stack and spilled bytes, shared memory, machine
instructions per element, and how wide global memory is read and written. `compiled` gives the same
as data. Run it without TRITON_INTERPRET: an interpreted kernel has nothing to compile.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from kernels.kernel_form import KernelForm

from creditlib.ops.backend.triton_tensors import OPTIONS

TARGETS = (80, 90, 100)
GLOBAL = re.compile(r"\b(LDG|STG)((?:\.\w+)*)")
INSTRUCTION = re.compile(r"^\s+/\*[0-9a-f]+\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]*)", re.MULTILINE)


@dataclass(frozen=True)
class Compiled:
    """What the compiler made of a kernel for one target."""

    name: str
    target: int
    registers: int
    stack: int
    local: int  # instructions that read or write local memory: spills
    shared: int
    instructions: int
    per_element: float  # instructions of the whole kernel by elements of a thread's chunk
    accesses: dict[str, int]
    narrow: int  # global accesses of at most 32 bits per thread
    faults: tuple[str, ...]


def forms() -> list[KernelForm]:
    """The forms of all operations: the list `FORMS` of each file `forms_*.py`."""
    found: list[KernelForm] = []
    for path in sorted(Path(__file__).parent.glob("forms_*.py")):
        found += importlib.import_module(f"kernels.{path.stem}").FORMS
    return found


def machine_code(kernel: KernelForm, target: int) -> bytes:
    """The cubin of a kernel."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names = kernel.function.arg_names
    signature = {name: kernel.signature.get(name, "constexpr") for name in names}
    constants = {(names.index(name),): value for name, value in kernel.constants.items()}
    attributes = {(names.index(name),): [["tt.divisibility", 16]] for name in kernel.aligned}
    unknown = set(names) ^ {*kernel.signature, *kernel.constants}
    if unknown:
        raise ValueError(f"{kernel.name}: {sorted(unknown)} are not its arguments, or not all")
    source = ASTSource(
        fn=kernel.function, signature=signature, constexprs=constants, attrs=attributes
    )
    options = {"num_warps": kernel.warps, **OPTIONS}
    compiled = triton.compile(source, target=GPUTarget("cuda", target, 32), options=options)
    return compiled.asm["cubin"]


def tool(name: str, *arguments: str) -> str:
    """The output of one of the tools that ship with Triton."""
    import triton

    tools = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
    command = [str(tools / name), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def inspect(kernel: KernelForm, target: int) -> Compiled:
    """Compile a kernel and read its machine code."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(machine_code(kernel, target))
        usage = tool("cuobjdump", "--dump-resource-usage", str(path))
        listing = tool("nvdisasm", "--no-dataflow", str(path))
    resources = {key: int(value) for key, value in re.findall(r"\b(REG|STACK|SHARED):(\d+)", usage)}
    operations = [op for op in INSTRUCTION.findall(listing) if not op.startswith("NOP")]
    local = sum(op.split(".")[0] in ("LDL", "STL") for op in operations)
    accesses = Counter(
        f"{kind}.{width(suffix)}" for kind, suffix in GLOBAL.findall("\n".join(operations))
    )
    narrow = sum(n for name, n in accesses.items() if int(name.split(".")[1]) <= 32)
    elements = kernel.constants.get("CHUNK", 0) / (32 * kernel.warps)
    found = Compiled(
        name=kernel.name,
        target=target,
        registers=resources["REG"],
        stack=resources["STACK"],
        local=local,
        shared=resources["SHARED"],
        instructions=len(operations),
        per_element=round(len(operations) / elements, 1) if elements else 0.0,
        accesses=dict(sorted(accesses.items())),
        narrow=narrow,
        faults=(),
    )
    return Compiled(**{**asdict(found), "faults": faults(kernel, found)})


def width(suffix: str) -> int:
    """How many bits a global access moves per thread.

    >>> width(".E.128"), width(".E.U8"), width(".E")
    (128, 8, 32)
    """
    sizes = [int(size) for size in re.findall(r"\.[US]?(8|16|32|64|128|256)\b", suffix)]
    return max(sizes, default=32)


def faults(kernel: KernelForm, found: Compiled) -> tuple[str, ...]:
    """What is wrong with a kernel, one sentence each."""
    result = []
    if found.stack or found.local:
        result.append(f"{found.stack} bytes of stack, {found.local} local accesses")
    for demand in kernel.demands:
        kind, size = demand.split(".")[0], width(demand[3:])
        widest = max((width(f".{x[4:]}") for x in found.accesses if x.startswith(kind)), default=0)
        if widest < size:
            result.append(f"no {demand}")
    if kernel.narrow is not None and found.narrow > kernel.narrow:
        result.append(f"{found.narrow} narrow accesses, {kernel.narrow} allowed")
    return tuple(result)


def compiled(targets: tuple[int, ...] = TARGETS, only: str = "") -> list[Compiled]:
    """Every kernel for every target."""
    chosen = [form for form in forms() if only in form.name]
    return [inspect(k, target) for k in chosen for target in targets if target in k.targets]


def line(each: Compiled) -> str:
    """A row of the table."""
    memory = " ".join(f"{name}×{count}" for name, count in each.accesses.items())
    return (
        f"{each.name:44} sm_{each.target:<4}{each.registers:5}{each.stack:6}{each.local:6}"
        f"{each.shared:7}{each.instructions:7}{each.per_element:8}  {memory}"
        + "".join(f"  FAULT: {fault}" for fault in each.faults)
    )


def main() -> int:
    """Print the table; 1 if something is wrong with a kernel."""
    parser = argparse.ArgumentParser(description="Compile all kernels ahead of time.")
    parser.add_argument("--targets", type=int, nargs="*", default=TARGETS)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = compiled(tuple(options.targets), options.only)
    if options.json:
        print(json.dumps([asdict(each) for each in found]))
    else:
        print(f"{'kernel':44} {'target':7}  regs stack local shared instrs per el.  accesses")
        print(*map(line, found), sep="\n")
    return int(any(each.faults for each in found))


if __name__ == "__main__":
    sys.exit(main())
