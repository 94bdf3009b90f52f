"""Compiles every Triton kernel of creditlib ahead of time, for GPUs that need not be there.

    PYTHONPATH=.:tests python -m kernels.report [--targets 80 90 100] [--only PART_OF_NAME]

prints one line per kernel and target: registers, stack and spilled bytes, shared memory, machine
instructions per element, and how wide global memory is read and written. `compiled` gives the same
as data. A form that does not compile is a fault too. Run it without TRITON_INTERPRET: an
interpreted kernel has nothing to compile. `versions.py` runs it for several versions of Triton.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from kernels.kernel_form import KernelForm

from benchmarks.gpu import cubin
from creditlib.ops.backend.triton_tensors import OPTIONS

TARGETS = (80, 90, 100)


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
    if kernel.maxnreg is not None:
        options["maxnreg"] = kernel.maxnreg
    compiled = triton.compile(source, target=GPUTarget("cuda", target, 32), options=options)
    return compiled.asm["cubin"]


def inspect(kernel: KernelForm, target: int) -> Compiled:
    """Compile a kernel and read its machine code."""
    try:
        binary = machine_code(kernel, target)
    except Exception as error:  # a compiler fails in many ways
        words = f"does not compile: {type(error).__name__}: {str(error).strip().splitlines()[-1:]}"
        return Compiled(kernel.name, target, 0, 0, 0, 0, 0, 0.0, {}, 0, (words,))
    code = cubin.read(binary)
    accesses = dict(sorted(cubin.accesses(code.operations).items()))
    elements = kernel.constants.get("CHUNK", 0) / (32 * kernel.warps)
    found = Compiled(
        name=kernel.name,
        target=target,
        registers=code.registers,
        stack=code.stack,
        local=code.local,
        shared=code.shared,
        instructions=code.instructions,
        per_element=round(code.instructions / elements, 1) if elements else 0.0,
        accesses=accesses,
        narrow=sum(n for name, n in accesses.items() if int(name.split(".")[1]) <= 32),
        faults=(),
    )
    return Compiled(**{**asdict(found), "faults": faults(kernel, found)})


def faults(kernel: KernelForm, found: Compiled) -> tuple[str, ...]:
    """What is wrong with a kernel, one sentence each."""
    result = []
    if found.stack or found.local:
        result.append(f"{found.stack} bytes of stack, {found.local} local accesses")
    for demand in kernel.demands:
        kind, size = demand.split(".")[0], cubin.access_width(demand[3:])
        widths = (int(x.split(".")[1]) for x in found.accesses if x.startswith(kind))
        widest = max(widths, default=0)
        if widest < size:
            result.append(f"no {demand}")
    if kernel.narrow is not None and found.narrow > kernel.narrow:
        result.append(f"{found.narrow} narrow accesses, {kernel.narrow} allowed")
    return tuple(result)


def _inspect_by_name(given: tuple[str, int]) -> Compiled:
    name, target = given
    return inspect(next(form for form in forms() if form.name == name), target)


def one_of_each() -> list[KernelForm]:
    """The first form of every kernel, of those that are compiled for sm_90."""
    first: dict[str, KernelForm] = {}
    for form in (each for each in forms() if 90 in each.targets):
        first.setdefault(form.function.fn.__qualname__ + form.function.fn.__module__, form)
    return list(first.values())


def compiled(
    targets: tuple[int, ...] = TARGETS, only: str = "", jobs: int = 1, *, every: bool = True
) -> list[Compiled]:
    """Every form, or one of each kernel, for every target, in so many processes at a time."""
    chosen = [form for form in (forms() if every else one_of_each()) if only in form.name]
    work = [(k.name, target) for k in chosen for target in targets if target in k.targets]
    if jobs == 1:
        return [_inspect_by_name(each) for each in work]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        return list(pool.map(_inspect_by_name, work))


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
    parser.add_argument("--one", action="store_true", help="one form of each kernel")
    parser.add_argument("--jobs", type=int, default=1, help="processes that compile at a time")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = compiled(tuple(options.targets), options.only, options.jobs, every=not options.one)
    if options.json:
        print(json.dumps([asdict(each) for each in found]))
    else:
        print(f"{'kernel':44} {'target':7}  regs stack local shared instrs per el.  accesses")
        print(*map(line, found), sep="\n")
    return int(any(each.faults for each in found))


if __name__ == "__main__":
    sys.exit(main())
