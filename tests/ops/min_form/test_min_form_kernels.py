"""The Triton kernels of min-form credit: tiles, order, and what is left to the reference."""

import pytest
import torch
from helpers import F64, assert_same

pytest.importorskip("triton")

from creditlib.ops.min_form import reference
from creditlib.ops.min_form import triton_launch as launch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
OPTIONS = {"temperature": 0.5, "reward_weight": 2.0, "lone": "raw", "baseline": "token"}


@pytest.fixture(autouse=True)
def device():
    """Tensors are made where the kernels run: on a GPU, or in the interpreter."""
    with torch.device(DEVICE):
        yield


def draws(rows, turns):
    """Scores and lengths of very different sizes: sums that round would round differently."""
    torch.manual_seed(2)
    score = torch.randn(rows, turns, dtype=F64) * 10.0 ** torch.randint(0, 5, (rows, turns))
    return {
        "score": score,
        "group": torch.arange(rows) % 2,
        "turn_count": torch.randint(0, turns + 1, (rows,)),
        "turn_length": torch.rand(rows, turns, dtype=F64),
        "reward": torch.randn(rows, dtype=F64) * 10.0 ** torch.randint(0, 5, (rows,)),
    }


def run(given, form):
    given = dict(given)
    return launch.min_form_credit(given.pop("score"), **given, **OPTIONS, form=form)


@pytest.mark.parametrize("form", ["softmin", "hard_min", "suffix_min"])
def test_neither_order_nor_tiles_nor_padding_change_a_bit(form, monkeypatch):
    given = draws(11, 6)
    expected = run(given, form)
    order = torch.randperm(11)
    assert_same(run({x: y[order] for x, y in given.items()}, form), expected[order])
    monkeypatch.setattr(launch, "COLS", 4)
    assert_same(run(given, form), expected)
    wide = {x: torch.nn.functional.pad(y, (0, 20)) if y.ndim == 2 else y for x, y in given.items()}
    assert_same(run(wide, form)[:, :6], expected)


def test_more_rows_or_turns_than_fit_are_left_to_the_reference(monkeypatch):
    given = draws(5, 3)
    expected = reference.min_form_credit(**given, **OPTIONS, form="softmin")
    monkeypatch.setattr(launch, "row_kernel", None)
    for name, most in (("MOST", 4), ("LONGEST", 2)):
        monkeypatch.setattr(launch, name, most)
        assert_same(run(given, "softmin"), expected)
        monkeypatch.setattr(launch, name, 99)
    monkeypatch.setattr(launch, "LONGEST", 2)
    monkeypatch.setattr(launch, "returns_kernel", None)
    found = launch.min_returns(given["score"], given["turn_count"], 0.5)
    assert_same(found, reference.min_returns(given["score"], given["turn_count"], 0.5))
