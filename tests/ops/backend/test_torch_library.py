"""Operators of torch.library: their empty results have the shapes and dtypes of the real ones."""

import pytest
import torch
from helpers import F64, moved, operators

from creditlib.ops import returns
from creditlib.vocabulary.backends import INSTALLED

TURN = torch.tensor([[0, -1, 1], [-1, 0, 0]])
X, SMALL = torch.rand(2, 3), torch.rand(2, 2, dtype=F64)
ROWS, WHERE = torch.tensor([3, 3]), torch.tensor([True, True])
CALLS = {
    "token_returns": ((X, TURN), {"gamma": 0.5}),
    "whitened_returns": ((X.half(), TURN), {"gamma": 0.5, "eps": 0.0}),
    "gae": ((X, X.double(), TURN), {"gamma": 0.5, "lam": 0.5}),
    "whitened_gae": ((X, X.double(), TURN), {"gamma": 0.5, "lam": 0.5, "eps": 0.0}),
    "turn_returns": ((SMALL, SMALL > 0, 0.5), {}),
    "decayed_returns": ((SMALL, SMALL > 0, SMALL), {}),
    "reverse_minimum": ((SMALL,), {}),
    "to_tokens": ((SMALL, TURN), {}),
    "sum_turns": ((X, TURN, 2), {}),
    "moments": ((X, TURN >= 0, 0.0), {}),
    "standardize": ((X, TURN >= 0, 0.0), {}),
    "group_scale": ((SMALL[0], ROWS - 3, WHERE), {"scale": "mad"}),
    "token_ratios": ((X, X.double(), TURN, 0.0, 2.0, False), {}),
    "log_ratio_sums": ((X, X, TURN, 2, False), {}),
    "top_mask": ((X, TURN, 0.5, False), {}),
    "two_level_gae": ((X, X.double(), TURN, 0.9, 0.8, 0.7, 0.6), {}),
    "min_returns": ((SMALL, ROWS - 1, 0.1), {}),
    "min_form_credit": (
        (SMALL, ROWS, ROWS - 1, "softmin", 0.1, "step", 1.0, "zero"),
        {"reward": X[:, 0]},
    ),
    "relative": ((SMALL[0], [ROWS], WHERE), {"scale": "std"}),
}


def test_every_operator_is_called_here():
    assert operators() == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("backend", [name for name, there in INSTALLED.items() if there])
def test_an_operator_keeps_the_rules_of_torch(name, backend):
    """Schema, empty results and tracing, as torch checks them."""
    args, options = CALLS[name]
    if backend == "triton" and torch.cuda.is_available():
        args = moved(args, "cuda")
    operator = getattr(torch.ops.creditlib, f"{name}_{backend}").default
    torch.library.opcheck(operator, args, options, test_utils=("test_schema", "test_faketensor"))


def test_out_is_written(backend):
    if backend == "torch":
        pytest.skip("the reference is traced, it is no operator")
    if backend == "triton" and torch.cuda.is_available():
        pytest.skip("its tensors are on the CPU")
    operator = returns.token_returns.operators[backend]
    out = torch.full((2, 3), 7.0)
    assert operator(X, TURN, gamma=0.5, out=out) is out
    assert torch.equal(out, operator(X, TURN, gamma=0.5))
