"""Compiles every form of every kernel, and every launch, with several versions of Triton.

    python tests/kernels/versions.py [3.6.0 3.7.1 3.8.0 3.9.0] [--targets 90] [--jobs 2]

Each version is installed into a folder of its own, build/triton-VERSION, where it stays: versions
of Triton cannot be installed beside each other. Then `kernels.report` and `kernels.launches` run
with it, each in a process of its own. A table is printed, and the exit status is 1 if a form does
not compile, has a fault, or a launch fails. No GPU is needed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

try:
    from kernels import without_interpreter
except ImportError:  # run as a script
    import without_interpreter

ROOT = Path(__file__).parents[2]
# The oldest version that creditlib runs on, and the newest of each release since.
VERSIONS = ("3.6.0", "3.7.1", "3.8.0", "3.9.0")


@dataclass(frozen=True)
class Found:
    """What became of one version: forms that compile, launched calls, faults, seconds."""

    version: str
    forms: int
    calls: int
    faults: tuple[str, ...]
    seconds: float


def installed(version: str, folder: Path) -> Path:
    """The folder of a version of Triton, which is installed there if it is not yet."""
    place = folder / f"triton-{version}"
    if not (place / "triton").is_dir():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        subprocess.run([*command, "--target", str(place), f"triton=={version}"], check=True)
    return place


def run(module: str, place: Path, *arguments: str) -> Any:
    """What a module prints as JSON, in a process with the Triton of a folder."""
    command = [sys.executable, "-m", module, "--json", *arguments]
    environment = without_interpreter.environment(place)
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if not done.stdout:
        raise RuntimeError(f"{module} printed nothing: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def examine(version: str, folder: Path, targets: tuple[str, ...], jobs: int) -> Found:
    """Compile all forms and all launches with one version."""
    start, place = time.perf_counter(), installed(version, folder)
    forms = run("kernels.report", place, "--targets", *targets, "--jobs", str(jobs))
    calls = run("kernels.launches", place)
    faults = [f"{x['name']} sm_{x['target']}: {fault}" for x in forms for fault in x["faults"]]
    faults += [f"{x['call']}: {x['error']}" for x in calls["calls"] if x["error"]]
    if calls["triton"] != version:
        faults.append(f"version {calls['triton']} ran in its place")
    good = sum(not x["faults"] for x in forms)
    return Found(version, good, len(calls["calls"]), tuple(faults), time.perf_counter() - start)


def main() -> int:
    """Print the table; 1 if something is wrong with a version."""
    parser = argparse.ArgumentParser(description="Compile all kernels with versions of Triton.")
    parser.add_argument("versions", nargs="*", default=VERSIONS)
    parser.add_argument("--targets", nargs="*", default=("90",))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, default=ROOT / "build")
    options = parser.parse_args()
    print("| Triton | forms without fault | calls launched | faults | seconds |")
    print("|---|---|---|---|---|", flush=True)
    wrong: list[str] = []
    for version in options.versions:
        found = examine(version, options.folder, tuple(options.targets), options.jobs)
        wrong += [f"{version}: {fault}" for fault in found.faults]
        cells = (version, found.forms, found.calls, len(found.faults), round(found.seconds))
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)
    print(*wrong, sep="\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
