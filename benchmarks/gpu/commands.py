"""Commands that a session starts: with a time limit, able to import the project, heard out."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmarks.gpu.context import Context
from benchmarks.machine import ROOT

__all__ = ["LAST_WORDS", "Command", "Done", "environment", "execute", "heard"]


LAST_WORDS = 8.0  # seconds that a command has after it was interrupted


class Communicating(Protocol):
    """What is used of subprocess.Popen."""

    def communicate(self, *, timeout: float | None = None) -> tuple[bytes, bytes]: ...
    def send_signal(self, sig: int) -> None: ...
    def kill(self) -> None: ...


@dataclass(frozen=True)
class Done:
    """The exit code of a command and what it wrote.

    The code is None where it is not installed or was stopped, which is no fault of ours.
    """

    code: int | None
    lines: Sequence[str]


@dataclass(frozen=True)
class Command:
    """A command, its seconds, and how many lines are shown of what it wrote."""

    name: str
    words: Sequence[str]
    seconds: float
    keep: Sequence[str] = ()  # words, one of which a line must hold to be shown
    lines: int = 25
    more: Sequence[tuple[str, str]] = ()  # variables of its environment


def environment(given: Mapping[str, str], more: Sequence[tuple[str, str]] = ()) -> dict[str, str]:
    """Variables with which a process finds the project and compiles kernels.

    >>> environment({"TRITON_INTERPRET": "1", "PYTHONPATH": "/x"})["PYTHONPATH"].endswith(":/x")
    True
    """
    variables = {name: value for name, value in given.items() if name != "TRITON_INTERPRET"}
    paths = [str(ROOT), *filter(None, [given.get("PYTHONPATH", "")])]
    variables["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    variables["PYTHONDONTWRITEBYTECODE"] = "1"
    # torch asks for a GPU without opening it, so that a process which asked can still be forked.
    variables["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
    # torch sets these two itself where it both captures graphs and profiles.
    variables |= {"DISABLE_CUPTI_LAZY_REINIT": "1", "TEARDOWN_CUPTI": "0"}
    return variables | dict(more)


def execute(context: Context, command: Command) -> Done:
    """Run a command, and print the last lines of what it wrote."""
    if shutil.which(command.words[0]) is None:
        context.say(f"{command.name} is not installed")
        return Done(None, [])
    seconds = max(1.0, min(command.seconds, context.limit.left()))
    process = subprocess.Popen(
        command.words,
        cwd=ROOT,
        env=environment(os.environ, command.more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    written, in_time = heard(process, seconds)
    lines = written.decode(errors="replace").splitlines()
    kept = [line for line in lines if not command.keep or any(x in line for x in command.keep)]
    for line in kept[-command.lines :]:
        context.say(f"    {line[:200]}")
    if not in_time:
        context.say(f"{command.name} was stopped after {seconds:.0f} s")
        return Done(None, lines)
    context.say(f"{command.name} ended with code {process.returncode}")
    return Done(process.returncode, lines)


def heard(process: Communicating, seconds: float) -> tuple[bytes, bool]:
    """(what a process wrote, whether it ended by itself); interrupted, it may say its last."""
    try:
        return process.communicate(timeout=seconds)[0], True
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=LAST_WORDS)[0], False
    except subprocess.TimeoutExpired:
        process.kill()
    return process.communicate()[0], False
