"""The margin between two centroids: blocks, order and rows that do not take part."""

import pytest
import torch
from helpers import F64, assert_same

from creditlib.ops.margin import reference, two_sided_margin
from creditlib.testing import assert_close


def numbers(rows=40, features=3, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return {
        "hidden": torch.randn(rows, features, dtype=F64, generator=draw),
        "scale": torch.rand(rows, dtype=F64, generator=draw),
        "mass": torch.randint(-2, 3, (rows,), generator=draw).to(F64),
        "where": torch.rand(rows, generator=draw) < 0.7,
    }


def test_by_hand():
    # Centroids 2 and −1: the margin of v is ±(6v − 3), and the deviations are 3 · 1 and 1e-4.
    found = two_sided_margin(
        torch.tensor([[1.0], [3.0], [-1.0]], dtype=F64),
        torch.ones(3),
        torch.tensor([0.5, 0.5, -4.0]),
        torch.tensor([True] * 3),
        passes=0,
    )
    assert_close(found, torch.tensor([3 / 6, 15 / 6, 9e4]))


@pytest.mark.parametrize("block", [1, 7, 40])
def test_blocks_of_any_size_give_the_same(block, monkeypatch):
    x = numbers()
    plain = two_sided_margin(**x)
    monkeypatch.setattr(reference, "_BLOCK", block)
    assert_close(two_sided_margin(**x), plain)


def test_rows_on_no_side_change_no_bit():
    x = numbers()
    wide = {name: torch.cat([tensor, tensor[:9], tensor]) for name, tensor in x.items()}
    wide["where"][:49] = False
    wide["hidden"][:49] = torch.nan
    wide["mass"][:40] = torch.nan
    plain = two_sided_margin(**x)
    assert_same(two_sided_margin(**wide), torch.cat([torch.zeros(49, dtype=F64), plain]))
    assert not plain[~x["where"] | (x["mass"] == 0)].any()


def test_several_axes_stand_for_rows_and_any_strides_are_read():
    x = numbers()
    shaped = {name: tensor.unflatten(0, (5, 8)) for name, tensor in x.items()}
    shaped["hidden"] = shaped["hidden"].transpose(0, 1).contiguous().transpose(0, 1)
    assert_same(two_sided_margin(**shaped), two_sided_margin(**x).view(5, 8))


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 4)])
def test_no_rows_no_margins(shape):
    found = two_sided_margin(
        torch.zeros(*shape, 2), *[torch.zeros(shape)] * 2, torch.ones(shape, dtype=torch.bool)
    )
    assert found.shape == shape
