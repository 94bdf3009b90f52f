"""Golden numbers of seed systems: `tests/data/seeds/NAME_11.npz` and others, and a manifest.

`manifest.json` says for each system what its inputs and outputs are, with the options of the
outputs, and where the numbers are from: the authors' own code that was run, or an equation.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from creditlib.testing import assert_close

FOLDER = Path(__file__).parent / "data" / "seeds"
MANIFEST = json.loads((FOLDER / "manifest.json").read_text())
BATCHES = (11, 12)
LATER = (21, 22)  # those of values at turns, weights, trees and shapers
DTYPES = (torch.float64, torch.float32)


def batch(system, number, dtype=torch.float64):
    """(inputs, outputs) of one batch of a system, by name; floats have the dtype asked for."""
    data = np.load(FOLDER / f"{system}_{number}.npz")
    every = {key: torch.from_numpy(data[key]) for key in data}
    every = {key: x.to(dtype) if x.is_floating_point() else x for key, x in every.items()}
    inputs = {key[3:]: x for key, x in every.items() if key.startswith("in_")}
    outputs = {key[4:]: torch.from_numpy(data[key]) for key in data if key.startswith("out_")}
    assert set(inputs) <= set(MANIFEST[system]["inputs"])
    assert set(outputs) == set(MANIFEST[system]["outputs"])
    return inputs, outputs


def cases(names, batches=BATCHES):
    """Decorates a test (source, name, dtype): every output of a system, both batches and dtypes."""

    def decorate(test):
        for argument, values in (("source", batches), ("name", list(names)), ("dtype", DTYPES)):
            test = pytest.mark.parametrize(argument, values, ids=str)(test)
        return test

    return decorate


def compare(system, source, name, dtype, run, kind=None):
    """Raise AssertionError unless `run(inputs)` gives the output, to a tolerance of the table."""
    inputs, outputs = batch(system, source, dtype)
    found, wanted = run(inputs), outputs[name]
    if not wanted.is_floating_point():
        assert torch.equal(found, wanted.to(found.dtype))
        return
    assert found.dtype == dtype
    assert_close(found, wanted, kind or ("golden" if dtype == torch.float32 else None))


def assert_complete(system, runs, elsewhere=()):
    """Every output of a system is compared: by this table, or as the comment beside it says."""
    assert set(MANIFEST[system]["outputs"]) == {*runs, *elsewhere}
