"""The loops are loaded in a thread: once, without an error, and what is forked meanwhile works."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from creditlib.ops import warm_up as module
from creditlib.ops.warm_up import ENVIRONMENT, warm_up
from creditlib.vocabulary.backends import INSTALLED

ROOT = Path(__file__).parents[2]
needs_numba = pytest.mark.skipif(not INSTALLED["numba"], reason="numba is not installed")

CALL = """
import torch, creditlib as cl
from creditlib.ops.warm_up import warm_up
def first_call():
    reward, group = torch.rand(4), torch.tensor([0, 0, 1, 1])
    return cl.to_tokens(cl.grpo(reward=reward, group=group), torch.zeros(4, 3, dtype=torch.int64))
"""


def run(script):
    """What a process of its own prints, with the thread switched on."""
    env = os.environ | {ENVIRONMENT: "1", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CALL + script],
        env=env, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_nothing_starts_where_it_is_switched_off_or_numba_does_not_compute(monkeypatch):
    monkeypatch.setenv(ENVIRONMENT, "0")
    assert not warm_up()
    monkeypatch.delenv(ENVIRONMENT)
    monkeypatch.setattr(module, "default_backend", lambda device: "torch")
    assert not warm_up()
    assert module._threads == []


def test_the_thread_raises_nothing_and_stops_when_it_is_told(monkeypatch):
    done = []

    def calls():
        yield lambda: done.append(1)
        yield module._stop.set
        yield lambda: done.append(2)

    monkeypatch.setattr(module, "_calls", calls)
    module._load()
    module._stop.clear()
    assert done == [1]

    def fails():
        yield lambda: 1 / 0

    monkeypatch.setattr(module, "_calls", fails)
    module._load()


@needs_numba
def test_after_it_the_first_call_compiles_and_loads_nothing():
    script = """
import sys
started = warm_up(), warm_up()
from creditlib.ops import warm_up as module
module._threads[0].join()
from numba.core.dispatcher import Dispatcher
def loaded():
    loops = [x for name, m in list(sys.modules.items()) if name.startswith("creditlib")
             for x in vars(m).values() if isinstance(x, Dispatcher)]
    return sum(len(x.overloads) for x in loops)
before = loaded()
first_call()
print(*started, before > 0, loaded() - before)
"""
    assert run(script) == ["True", "False", "True", "0"]


@needs_numba
@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_process_forked_meanwhile_computes():
    script = """
import os, warnings
warnings.simplefilter("ignore")
warm_up()
child = os.fork()
if child == 0:
    first_call()
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run(script) == ["7"]


@needs_numba
def test_an_adapter_that_is_installed_starts_it_and_the_process_may_end():
    script = """
from creditlib.ops import warm_up as module
from creditlib.integrations.patching import InstalledSettings
InstalledSettings().install({})
print(len(module._threads))
"""
    assert run(script) == ["1"]
