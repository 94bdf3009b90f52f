"""The examples, run as a reader runs them, by what they print."""

import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(script, *arguments):
    command = [sys.executable, "-W", "error", str(ROOT / "examples" / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


NIGHTLY = functools.partial(pytest.param, marks=pytest.mark.nightly)


@pytest.mark.parametrize("name", [NIGHTLY("grpo"), "gigpo", "own_estimator:rank_credit"])
def test_loop_learns_with_an_estimator_picked_by_name(name):
    printed = run("loop.py", name)
    assert printed.startswith(f"{name}: success ")
    before, after = map(float, re.findall(r"\d\.\d\d", printed))
    assert abs(before - 1 / 16) < 0.03  # one pair of moves out of sixteen
    assert after > 0.9


@pytest.mark.parametrize(("name", "least"), [("gigpo", 0.9), NIGHTLY("grpo", 0.5)])
def test_packed_loop_learns(name, least):
    printed = run("packed_loop.py", name)
    before, after = map(float, re.findall(r"\d\.\d\d", printed))
    assert abs(before - 1 / 8) < 0.05  # one partner out of eight
    assert after > least


def test_loop_names_an_estimator_that_does_not_exist():
    with pytest.raises(AssertionError, match="did you mean 'gigpo'"):
        run("loop.py", "gigpoo")


def test_own_estimator_is_called_three_ways_and_weighted_by_duration():
    lines = run("own_estimator.py").splitlines()
    # The 1 beats both others, 0.5 beats one and loses to one; 900 is one win, not 900.
    ranks = "[1.0, -1.0, 0.0, 1.0, -1.0]"
    assert lines[:3] == [f"called    {ranks}", f"applied   {ranks}", f"by path   {ranks}"]
    # Eight real turns took 24 seconds: 2 and 4 seconds weigh 2/3 and 4/3.
    assert lines[4] == "tensor([[ 0.6667,  0.0000,  1.3333],"


@pytest.mark.nightly
def test_two_ranks_print_what_the_page_says():
    """Two processes, each of which imports torch; what they exchange is tested in every run."""
    page = (ROOT / "docs" / "several_ranks.md").read_text()
    shown = re.search(r"\$ python examples/two_ranks.py\n(.*?)```", page, re.DOTALL)
    assert run("two_ranks.py") == shown[1]
