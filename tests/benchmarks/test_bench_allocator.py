"""Memory at the peak of a call, counted in pages by a process whose allocator may be changed."""

import json
import subprocess
import sys

import pytest

from benchmarks.machine import ROOT

pytestmark = pytest.mark.usefixtures("allocator_left_alone")

PROBE = """
import json, torch
from benchmarks import allocator
allocator.warm()
x = torch.zeros(4 << 20)
calls = {"one": x.clone, "two": lambda: (x + 1) + 2, "none": lambda: x.add_(1)}
peaks = {}
for name, call in calls.items():
    call()
    peaks[name] = allocator.peak_bytes(call)
print(json.dumps(peaks))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_peaks_worked_by_hand():
    done = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=ROOT, check=True, capture_output=True, text=True
    )
    peaks = json.loads(done.stdout)
    if None in peaks.values():
        pytest.skip("this C library or kernel does not tell")
    # 16 MiB: a clone is one; x + 1 lives while its sum with 2 is made: two; in place: none.
    tensors = {name: round(peak / (16 << 20), 1) for name, peak in peaks.items()}
    assert tensors == {"one": 1.0, "two": 2.0, "none": 0.0}
