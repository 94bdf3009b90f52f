"""The Triton kernel of the running minimum: rows in chunks."""

import pytest
import torch
from helpers import F64, assert_same

from creditlib.ops.scans import reference as scan

pytest.importorskip("triton")

from creditlib.ops.scans import triton_launch as launch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
CHUNK = min(launch.CHUNK, 16) if DEVICE == "cpu" else launch.CHUNK
LONG = (2, 2 * CHUNK + 3)


@pytest.fixture(autouse=True)
def chunks(monkeypatch):
    """Chunks of a few tokens: in the interpreter every token takes time."""
    monkeypatch.setattr(launch, "CHUNK", CHUNK)


def test_by_hand_over_a_boundary():
    x = torch.full((1, CHUNK + 2), 5.0, device=DEVICE)
    x[0, CHUNK] = 2.0  # all before it is at most 2, what comes after it is not
    x[0, 1] = 1.0
    assert launch.reverse_minimum(x)[0].tolist() == [1.0, 1.0, *[2.0] * (CHUNK - 1), 5.0]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (1, 1), (2, CHUNK), LONG])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, F64])
def test_against_the_reference(shape, dtype):
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=draw).to(dtype).to(DEVICE)
    assert_same(launch.reverse_minimum(x), scan.reverse_minimum(x))
    assert_same(launch.reverse_minimum(x[:, 1:]), scan.reverse_minimum(x[:, 1:]))
    assert_same(launch.reverse_minimum(x.T), scan.reverse_minimum(x.T))


def test_what_is_not_a_number_goes_to_the_left():
    x = torch.zeros(1, CHUNK + 9, device=DEVICE)
    x[0, CHUNK + 2] = torch.nan
    assert torch.equal(
        launch.reverse_minimum(x).isnan()[0], torch.arange(CHUNK + 9).to(x) < CHUNK + 3
    )


def test_other_shapes():
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(2, 2, CHUNK + 1, generator=draw).to(DEVICE)
    assert_same(launch.reverse_minimum(x), scan.reverse_minimum(x))
    assert_same(launch.reverse_minimum(x[0, 0]), scan.reverse_minimum(x[0, 0]))
    row = torch.tensor([0, 0, 1]).to(DEVICE)
    packed = torch.tensor([3.0, 4.0, 1.0], device=DEVICE)
    assert launch.reverse_minimum(packed, row).tolist() == [3, 4, 1]
