"""Without a GPU the real launchers specialise and compile, and launch what they should.

The interpreter runs kernels as Python. It meets neither the types of a compiled kernel nor what a
version of Triton refuses, so the launches are compiled in a process of their own.
"""

import json
import subprocess
import sys

import pytest
from kernels import without_interpreter

pytest.importorskip("triton")

# By hand, for 64 rows of 512 tokens in 10 turns:
#   gae: 8 or 600 rows of one chunk have one program each; 8 rows of 9 · 512 = 4608 tokens have 3
#   chunks of 2048; 9999 packed tokens are 5 chunks, and any of the 64 rows may have all of them
#   two_level_gae and top_fraction: one program for each row, also for each packed one
#   whiten: 64 · 512 values are 32 blocks of 1024; 2 rows are one program
#   to_tokens: a program has 2 rows of 512; importance_weight: one has 1024 of 64 · 512 tokens
LAUNCHES = {
    "gae few rows": {"whole": [8]},
    "gae few long rows": {"summarize": [3 * 8], "finish": [3 * 8]},
    "gae many rows": {"whole": [600]},
    "gae packed": {"summarize": [5 * 64], "finish": [5 * 64]},
    "two_level_gae": {"two_level_kernel": [64]},
    "two_level_gae packed": {"two_level_kernel": [64]},
    "discounted_return": {"whole": [64]},
    "reinforce_plus_plus": {
        "whole": [64],
        "range_kernel": [32],
        "sums_kernel": [32],
        "whiten_kernel": [32],
    },
    "whiten": {"range_kernel": [32], "sums_kernel": [32], "whiten_kernel": [32]},
    "whiten few": {"one_program": [1]},
    "importance_weight": {"ratio_kernel": [32]},
    "top_fraction": {"top_kernel": [64]},
    "to_tokens turns": {"padded_kernel": [32]},
    "to_tokens rows": {"padded_kernel": [32]},
}
# Credit of turns on tokens: the most launches of Triton, and of torch beside them.
MOST = {
    "turn_sum": (2, 2),
    "importance_weight of turns": (2, 15),
    "grpo": (1, 1),
    "grpo to tokens": (2, 1),
    "gigpo to tokens": (4, 13),
    "igpo to tokens": (3, 16),
    "pure to tokens": (3, 0),
}


@pytest.fixture(scope="module")
def calls():
    """What a process without the interpreter launches for each call."""
    command = [sys.executable, "-m", "kernels.launches", "--json"]
    done = subprocess.run(
        command, env=without_interpreter.environment(), capture_output=True, text=True
    )
    assert done.stdout, done.stderr
    return {row["call"]: row for row in json.loads(done.stdout)["calls"]}


def test_every_launcher_compiles_what_it_launches(calls):
    assert {name: row["error"] for name, row in calls.items() if row["error"]} == {}
    assert calls.keys() == LAUNCHES.keys() | MOST.keys()


@pytest.mark.parametrize("name", LAUNCHES)
def test_launches_by_hand(calls, name):
    assert calls[name]["kernels"] == [[k, [*grid, 1, 1]] for k, grid in LAUNCHES[name].items()]
    # Nothing else is launched: the inputs of the case with long rows are made by `repeat`.
    assert set(calls[name]["torch"]) <= {"repeat"}


@pytest.mark.parametrize("name", MOST)
def test_credit_on_tokens_takes_few_launches(calls, name):
    kernels, beside = MOST[name]
    assert len(calls[name]["kernels"]) <= kernels
    assert len(calls[name]["torch"]) <= beside
