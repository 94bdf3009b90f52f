"""A default device that is not that of the tensors, as frameworks set it around their set-up."""

import pytest
import torch
from helpers import VARIANTS, arguments, results


@pytest.mark.parametrize("backend", ["torch", "numba"])
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_default_device_changes_nothing(variant, backend, monkeypatch):
    if backend == "numba":
        pytest.importorskip("numba")
    monkeypatch.setattr("creditlib.ops.backend.dispatch.default_backend", lambda device: backend)
    tensors = arguments(variant)
    expected = results(variant(tensors))
    with torch.device("meta"):
        found = results(variant(tensors))
    for ours, alone in zip(found, expected, strict=True):
        assert ours.device.type == "cpu"
        assert torch.equal(ours, alone)
