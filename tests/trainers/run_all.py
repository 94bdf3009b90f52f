"""Run the tests of adapters inside the trainers themselves, and print a table of what ran.

    python tests/trainers/run_all.py                          # every trainer that pip can install
    python tests/trainers/run_all.py skyrl trinity            # these ones
    python tests/trainers/run_all.py --sources .. slime roll  # from checkouts: ../slime, ../ROLL
    python tests/trainers/run_all.py --write                  # put the rows into the docs too

Each trainer gets an environment of its own, `.venv-NAME`, because the versions that they pin
exclude each other. The environment sees the packages of the Python that runs this script, and pip
installs only what differs (`constraints/NAME.txt`). A trainer whose dependencies want a GPU is
installed without them (`constraints/NAME-alone.txt`), from its wheel for Python 3.12: an older
Python does not find the newest wheels otherwise. A trainer that is not packaged is read from a
checkout.
"""

import argparse
import datetime
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "trainers" / "runs.md"
# The folder of a checkout of a trainer that is not packaged, and where its modules lie in it.
CHECKOUTS = {
    "nemo_rl": "RL",
    "prime_rl": "prime-rl",
    "rllm": "rllm",
    "roll": "ROLL",
    "slime": "slime",
}
COLUMNS = ("trainer", "version", "from", "date", "Python", "torch", "tests passed")


@dataclass(frozen=True)
class Row:
    """A line of the table: what ran, when, and how many tests passed."""

    trainer: str
    version: str
    source: str
    date: str
    python: str
    torch: str
    passed: int

    def line(self):
        cells = (self.trainer, self.version, self.source, self.date, self.python, self.torch)
        return f"| {' | '.join(cells)} | {self.passed} |"


def names():
    """Every adapter with a test inside its trainer."""
    files = Path(__file__).parent.glob("test_*_itself.py")
    return sorted(path.stem.removeprefix("test_").removesuffix("_itself") for path in files)


def read_table(text):
    """{trainer: Row} of the table in a page."""
    lines = re.findall(r"^\| (?!trainer|---)(.+) \|$", text, re.MULTILINE)
    rows = [Row(*cells[:6], int(cells[6])) for cells in (line.split(" | ") for line in lines)]
    return {row.trainer: row for row in rows}


def with_rows(text, rows):
    """The page with `rows` instead of its own lines of the same trainers."""
    merged = sorted({**read_table(text), **rows}.values(), key=lambda row: row.trainer)
    head, heading, rest = text.partition(_heading())
    own = re.match(r"(\|.*\n)*", rest)
    return f"{head}{table(merged) if heading else ''}{rest[own.end() :]}"


def table(rows):
    """The lines of a table, its heading first."""
    return _heading() + "".join(f"{row.line()}\n" for row in rows)


def _heading():
    return f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}\n"


def environment(name):
    """The Python of the trainer's environment, with its pinned packages installed."""
    folder = ROOT / f".venv-{name}"
    python = folder / "bin" / "python"
    if not python.exists():
        _call(sys.executable, "-m", "venv", "--without-pip", str(folder))
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        seen = f"import site; site.addsitedir({sysconfig.get_paths()['purelib']!r})\n"
        (folder / "lib" / version / "site-packages" / "creditlib_parent.pth").write_text(seen)
    pip = (str(python), "-m", "pip", "install", "--quiet")
    # Its entry points are those of this checkout: verl loads the plug-in by them.
    _call(*pip, "--no-deps", "--ignore-installed", "--editable", str(ROOT))
    _call(*pip, "--requirement", str(ROOT / "constraints" / f"{name}.txt"))
    return python


def alone(name, python):
    """The folder of a trainer that is installed without its dependencies, or None."""
    pinned = ROOT / "constraints" / f"{name}-alone.txt"
    if not pinned.exists():
        return None
    folder = ROOT / f".venv-{name}" / "alone"
    shutil.rmtree(folder, ignore_errors=True)
    of_python = ("--python-version", "3.12", "--only-binary=:all:", "--no-deps")
    command = (str(python), "-m", "pip", "install", "--quiet", *of_python)
    _call(*command, "--target", str(folder), "--requirement", str(pinned))
    return folder


def run(name, sources):
    """The Row of a trainer whose tests pass; a sentence that says why there is none."""
    place = None
    if name in CHECKOUTS:
        place = sources / CHECKOUTS[name] if sources else None
        if place is None or not place.is_dir():
            return "it is not packaged, and --sources has no checkout"
    try:
        python = environment(name)
        place = place or alone(name, python)
    except subprocess.CalledProcessError as error:
        return f"it cannot be installed: {error.stderr.strip().splitlines()[-1]}"
    report = ROOT / "build" / "trainers" / f"{name}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    if place is not None:
        env |= {"CREDITLIB_SOURCE": str(place), "PYTHONPATH": str(place)}
    tests = str(Path(__file__).parent / f"test_{name}_itself.py")
    command = (str(python), "-m", "pytest", "-q", "--nightly", "-p", "no:cacheprovider", tests)
    done = subprocess.run([*command, f"--junitxml={report}"], env=env, cwd=ROOT, check=False)
    if not report.exists():
        return f"pytest ended with {done.returncode}"
    passed, others = counts(report)
    if done.returncode or others or not passed:
        return f"{passed} passed, {others or 'none ran'}"
    version, torch = versions(name, python, env, place)
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    source = "checkout" if name in CHECKOUTS else "wheel alone" if place else "pip"
    return Row(name, version, source, today, platform.python_version(), torch, passed)


def counts(report):
    """(number passed, "2 skipped, 1 failed") of a JUnit report."""
    suite = ElementTree.parse(report).getroot()
    suite = suite if suite.tag == "testsuite" else suite[0]
    number = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
    words = {"failures": "failed", "errors": "errors", "skipped": "skipped"}
    others = ", ".join(f"{number[key]} {word}" for key, word in words.items() if number[key])
    return 2 * number["tests"] - sum(number.values()), others


def versions(name, python, env, place):
    """(version of the trainer, version of torch); that of a checkout is its commit."""
    ask = (
        f"import torch; from creditlib.integrations.{name} import TRAINER; "
        "print(TRAINER.version or '-', torch.__version__)"
    )
    out = subprocess.run(
        [str(python), "-c", ask], env=env, cwd=ROOT, capture_output=True, check=True
    )
    version, torch = out.stdout.decode().split()[-2:]
    if name in CHECKOUTS:
        head = ("git", "-C", str(place), "rev-parse", "--short=7", "HEAD")
        version = subprocess.run(head, capture_output=True, check=True).stdout.decode().strip()
    return version, torch.partition("+")[0]


def _call(*command):
    subprocess.run(command, check=True, capture_output=True, text=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("trainer", nargs="*", help="names such as verl; all of them without one")
    parser.add_argument("--sources", type=Path, help="the folder that holds the checkouts")
    parser.add_argument("--write", action="store_true", help=f"put the rows into {TABLE.name}")
    given = parser.parse_args()
    known = names()
    wanted = [name.replace("-", "_") for name in given.trainer] or known
    unknown = [name for name in wanted if name not in known]
    if unknown:
        parser.error(f"no test of {', '.join(unknown)}; known: {', '.join(known)}")
    sources = given.sources.resolve() if given.sources else None
    rows, without = {}, {}
    for name in wanted:
        result = run(name, sources)
        (rows if isinstance(result, Row) else without)[name] = result
    print(f"\n{table(rows.values())}")
    for name, reason in without.items():
        print(f"{name} did not run: {reason}")
    if given.write:
        TABLE.write_text(with_rows(TABLE.read_text(), rows))
    # Without --sources nobody asked for the trainers that are not packaged.
    return any(name not in CHECKOUTS or sources or given.trainer for name in without)


if __name__ == "__main__":
    sys.exit(main())
