"""A compile cache that cannot be read or written costs a warning, not the result."""

import os
import subprocess
import sys
import warnings

import pytest

pytest.importorskip("numba")

from creditlib.ops.backend import numba_compile

PROGRAM = """
import warnings
import torch
import creditlib as cl

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    reward, group = torch.tensor([1.0, 0.0]), torch.tensor([7, 7])
    print(cl.grpo(reward=reward, group=group, scale=None, backend="numba").tolist())
    print(cl.rloo(reward=reward, group=group, backend="numba").tolist())
for each in caught:
    if "creditlib" in str(each.message):
        print(each.message)
"""


def run(folder):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder)}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stdout.splitlines()


RESULTS = ["[0.5, -0.5]", "[1.0, -1.0]"]


@pytest.mark.nightly  # the loops are compiled twice; the test below shows the rule
def test_damaged_files_of_the_cache_are_not_read(tmp_path):
    assert run(tmp_path) == RESULTS
    files = [path for path in tmp_path.rglob("*.nb*") if path.is_file()]
    assert files
    for number, path in enumerate(sorted(files)):
        path.write_bytes(b"" if number % 2 else path.read_bytes()[:20])
    results, said = run(tmp_path)[:2], run(tmp_path)[2:]
    assert results == RESULTS
    assert len(said) <= 1
    for sentence in said:
        assert "creditlib computes without numba's compile cache" in sentence


class Full:
    """A cache on a full disk."""

    cache_path = "/full"

    def load_overload(self, *_):
        raise EOFError("Ran out of input")

    def save_overload(self, *_):
        raise OSError(28, "No space left on device")


def test_a_full_disk_is_warned_of_once(monkeypatch):
    monkeypatch.setattr(numba_compile._Cache, "warned", False)
    function = numba_compile.compiled(lambda x: x + 1)
    function._cache._cache = Full()
    with pytest.warns(RuntimeWarning) as caught:
        assert function(2) == 3
    assert [str(each.message) for each in caught] == [
        "creditlib computes without numba's compile cache in /full, which cannot be read: "
        "EOFError: Ran out of input. Free the disk or delete that folder."
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert function(2.0) == 3.0
