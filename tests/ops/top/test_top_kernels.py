"""The Triton kernel of the highest tokens, in a few cases: its interpreter is slow."""

import pytest
import torch
from helpers import F64, assert_same, turn_map

pytest.importorskip("triton")

from creditlib.ops.top import reference, triton_launch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture(autouse=True)
def device():
    """Tensors are made where the kernels run: on a GPU, or in the interpreter."""
    with torch.device(DEVICE):
        yield


def draws(tokens, dtype):
    torch.manual_seed(tokens)
    turn = turn_map(2, 3, tokens)
    score = torch.where(turn >= 0, torch.randn(2, tokens).mul(2).round(), torch.nan)
    score[:, ::5] = -0.0
    return score.to(dtype), turn


@pytest.mark.parametrize(("dtype", "tokens"), [(torch.float32, 9), (torch.bfloat16, 40), (F64, 9)])
def test_masks_are_those_of_the_reference(dtype, tokens, monkeypatch):
    monkeypatch.setattr(triton_launch, "CHUNK", 16)
    score, turn = draws(tokens, dtype)
    for share in (0.0, 0.3, 1.0):
        wanted = reference.top_mask(score, turn, share, False)
        assert_same(triton_launch.top_mask(score, turn.to(torch.int8), share, False), wanted)
    offsets = torch.tensor([0, 0, tokens, 2 * tokens])
    flat = score.reshape(-1), turn.reshape(-1)
    found = triton_launch.top_mask(*flat, 0.3, False, offsets)
    assert_same(found, reference.top_mask(*flat, 0.3, False, offsets))


def test_strides_are_honoured():
    score, turn = draws(8, torch.float32)
    wanted = reference.top_mask(score, turn, 0.5, False)
    around = torch.cat([score, score], 1)[:, :8], torch.cat([turn, turn], 1)[:, :8]
    assert_same(triton_launch.top_mask(*around, 0.5, False), wanted)
