"""Every Triton kernel, compiled ahead of time for GPUs that need not be there.

Each must have no spilled register, no local memory, the wide memory instructions that its form
names, and no more narrow ones than its form allows. `python -m kernels.report` prints the table.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("triton")

from kernels import report, without_interpreter
from kernels.kernel_form import KernelForm

OPS = Path(__file__).parent.parent / "creditlib" / "ops"
GOOD = {
    "name": "k",
    "target": 90,
    "registers": 32,
    "stack": 0,
    "local": 0,
    "shared": 0,
    "instructions": 100,
    "per_element": 10.0,
    "accesses": {"LDG.128": 2, "STG.128": 1},
    "narrow": 0,
    "faults": (),
}


def compiled(*arguments):
    """The report of a process in which kernels are compiled, not interpreted."""
    command = [sys.executable, "-m", "kernels.report", "--json", *arguments]
    done = subprocess.run(
        command, env=without_interpreter.environment(), capture_output=True, text=True
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_a_form_of_every_kernel_compiles_to_what_it_should():
    """All forms take a minute: they are compiled at night, and by `make kernels`."""
    found = compiled("--targets", "90", "--one")
    assert len(found) == len(report.one_of_each()) == len({each["name"] for each in found})
    assert not [(each["name"], each["faults"]) for each in found if each["faults"]]


@pytest.mark.nightly
@pytest.mark.parametrize("target", [80, 90, 100])
def test_every_kernel_compiles_to_what_it_should(target):
    found = compiled("--targets", str(target))
    assert len(found) == sum(target in form.targets for form in report.forms())
    assert len(found) == len({each["name"] for each in found})
    assert not [(each["name"], each["faults"]) for each in found if each["faults"]]


def test_every_kernel_has_a_form():
    listed = {form.function.fn.__name__ for form in report.forms()}
    found = set()
    for path in OPS.glob("*/triton_*.py"):
        for part in path.read_text().split("@triton.jit\n")[1:]:
            body = re.split(r"\n\n\n(?!@)", part)[0]
            if "tl.program_id" in body and not re.search(r"^ +return ", body, re.MULTILINE):
                found.add(re.match(r"def (\w+)", part)[1])
    assert {"whole", "finish", "relative_kernel", "minimum_kernel", "sum_kernel"} < found
    assert found <= listed


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, ()),
        ({"stack": 16}, ("16 bytes of stack, 0 local accesses",)),
        ({"local": 3}, ("0 bytes of stack, 3 local accesses",)),
        ({"accesses": {"LDG.128": 2, "STG.32": 4}}, ("no STG.E.128",)),
        ({"narrow": 5}, ("5 narrow accesses, 4 allowed",)),
    ],
)
def test_what_is_a_fault(change, fault):
    form = KernelForm("k", None, {}, {}, 4, demands=("LDG.E.128", "STG.E.128"), narrow=4)
    assert report.faults(form, report.Compiled(**{**GOOD, **change})) == fault
