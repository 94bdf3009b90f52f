"""What limits the kernels, by the counters of the device; and reads or writes outside of memory.

Both need programs of NVIDIA's toolkit, which are used where they are installed.
"""

from __future__ import annotations

import sys

from benchmarks.gpu import each_kernel
from benchmarks.gpu.commands import Command, execute
from benchmarks.gpu.context import Context

__all__ = ["METRICS", "commands", "prepare", "run"]

METRICS = (
    "gpu__time_duration.sum",
    "dram__throughput.avg.pct_of_peak_sustained_elapsed",
    "sm__inst_issued.avg.pct_of_peak_sustained_active",
    "sm__warps_active.avg.pct_of_peak_sustained_active",
    "l1tex__data_pipe_lsu_wavefronts.avg.pct_of_peak_sustained_elapsed",
)
KERNELS = "regex:(whole|summarize|finish|.*_kernel|one_program)"
BAD_ACCESS = 9  # exit code
LAUNCHES = 24  # of these kernels


def commands(context: Context) -> list[Command]:
    """The counters of each kernel, then every access to memory on small inputs."""
    left = context.limit.left()
    script = (sys.executable, "-m", "benchmarks.gpu.each_kernel")
    counted = ("ncu", "--clock-control", "none", "-k", KERNELS, "-c", str(LAUNCHES))
    checked = ("compute-sanitizer", "--tool", "memcheck", "--error-exitcode", str(BAD_ACCESS))
    # Every allocation its own: a read past the end of a tensor leaves its memory.
    apart = (("PYTORCH_NO_CUDA_MEMORY_CACHING", "1"),)
    return [
        Command(
            "ncu",
            (*counted, "--metrics", ",".join(METRICS), *script),
            left * 0.6,
            ("__", "Context", "==ERROR=="),
            200,
        ),
        Command("compute-sanitizer", (*checked, *script, "small"), left * 0.35, more=apart),
    ]


def run(context: Context) -> None:
    """Launch each kernel here first, so that a failure is not taken for one of the programs'."""
    calls = each_kernel.launch(context.device.tensors, context.scale.kernels)
    context.say(f"each kernel launched: {calls} calls")
    counted, checked = commands(context)
    execute(context, counted)
    if execute(context, checked).code == BAD_ACCESS:
        context.problem("compute-sanitizer", "an access outside of memory")


def prepare(context: Context) -> None:
    """Compile what the programs will launch."""
    tensors = context.device.tensors

    def compile_all(shape: tuple[int, int, int]) -> None:
        each_kernel.launch(tensors, [shape])

    context.each(context.scale.kernels, str, compile_all)
