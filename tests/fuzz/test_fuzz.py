"""Random batches of every kind against exact fractions, on every backend of a CPU.

The exact numbers are written from the docstrings and share no code with the library. A wrong call
is `call_of(NAME, SEED)`. `make nightly` runs thousands of batches (tests/nightly_fuzz.py).
"""

from fractions import Fraction

import pytest
import torch

from creditlib.vocabulary.backends import INSTALLED
from fuzz import exact, exact_tokens, exact_turns
from fuzz.compare import FUNCTIONS, call_of, error_of, fuzz

BATCHES = 100
BACKENDS = ["torch", *(["numba"] if INSTALLED["numba"] else [])]
ZERO, HALF, ONE, TWO = Fraction(0), Fraction(1, 2), Fraction(1), Fraction(2)


def test_exact_numbers_by_hand():
    # Mean 1/4, deviation sqrt((3/16 · 1 + 9/16) / 3) = 1/2: (0 − 1/4) / (1/2), (1 − 1/4) / (1/2).
    x = {"rows": 4, "valid": None, "group": [7] * 4, "reward": [Fraction(v) for v in (0, 0, 0, 1)]}
    assert exact.grpo(x, {**exact.GRPO, "eps": 0.0}) == [-HALF, -HALF, -HALF, 3 * HALF]
    # 1 − (0 + 0 + 0) / 3 and 0 − (0 + 0 + 1) / 3.
    assert exact.rloo(x, {"lone": "zero"}) == [Fraction(-1, 3)] * 3 + [1]
    # One number of two, its mean 1 and its deviation sqrt(2): two digits are enough here.
    assert [round(float(v), 2) for v in exact.whitened([ZERO, TWO], [1, 1], 0)] == [-0.71, 0.71]


def test_exact_turns_and_tokens_by_hand():
    turns = {"rows": 2, "turns": 1, "valid": None, "group": [0, 0], "turn_count": [1, 1]}
    steps = {**turns, "turn_reward": [[ONE], [ZERO]]}
    assert exact_turns.grpo_process(steps, {"scale": None}) == [[HALF], [-HALF]]
    # Token 1 is tool output: its reward of 2 counts for token 0. 1/2 · 4 + 2 = 4.
    row = {"turn": [[0, -1, 1]], "present": None, "token_reward": [[ZERO, TWO, TWO + TWO]]}
    assert exact_tokens.discounted_return(row, {"gamma": 0.5}) == [[4, 0, 4]]
    # δ = (2 + 1/2 · 1 − 3, 4 − 1) = (−1/2, 3);  A = (−1/2 + 1/4 · 3, 3);  returns = A + V.
    more = {"value": [[TWO + ONE, ZERO, ONE]], "bootstrap": None}
    found = exact_tokens.gae({**row, **more}, {"gamma": 0.5, "lam": 0.5})
    assert found == ([[HALF / 2, 0, 3]], [[HALF / 2 + 3, 0, 4]])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_numbers_are_exact(name):
    for backend in BACKENDS:
        finding = fuzz(name, backend, range(BATCHES))
        assert not finding.wrong, finding.wrong
        assert len(finding.errors) == 2, "results of one dtype only"


def test_scores_near_a_mean_cancel():
    """Opposite objectives: found by a batch of the nightly run."""
    finding = fuzz("gdpo", "torch", [210])
    assert not finding.wrong, finding.wrong


def test_batches_are_of_every_kind():
    calls = [call_of(name, seed) for name in FUNCTIONS for seed in range(60)]
    tensors = [x for call in calls for x in call.tensors.values()]
    dtypes = {str(x.dtype).removeprefix("torch.") for x in tensors}
    assert dtypes >= {"float16", "bfloat16", "float32", "float64", "int8", "int16", "int32"}
    assert any(not x.is_contiguous() for x in tensors)
    assert any(x.storage_offset() for x in tensors)
    assert any(x.is_floating_point() and bool(x.isinf().any()) for x in tensors)
    for ends in (torch.iinfo(torch.int8), torch.iinfo(torch.int64)):
        groups = [call.tensors["group"] for call in calls if "group" in call.tensors]
        found = {int(g.max()) for g in groups if g.numel()} | {
            int(g.min()) for g in groups if len(g)
        }
        assert {ends.min, ends.max} <= found
    for layout in ("offsets", "present", "valid", "bootstrap", "invalid_action", "length"):
        assert any(layout in call.tensors for call in calls), layout
    assert any(call.out for call in calls)


def test_an_error_is_found_wherever_it_is():
    call = call_of("rloo", 0)
    call.size, call.zero = 1.0, torch.tensor([False, True])
    assert error_of(torch.tensor([1.0, 0.0]), [ONE, ZERO], call) == 0
    assert error_of(torch.tensor([1.5, 0.0]), [TWO, ZERO], call) == 0.25
    assert error_of(torch.tensor([torch.nan, 0.0]), [TWO, ZERO], call) == torch.inf
    with pytest.raises(AssertionError, match="not 0 where nothing counts"):
        error_of(torch.tensor([1.0, 1e-30]), [ONE, ZERO], call)
    with pytest.raises(AssertionError, match="for 1 values"):
        error_of(torch.tensor([1.0, 0.0]), [ONE], call)


def test_a_crash_is_reported_with_its_batch(monkeypatch):
    monkeypatch.setattr("creditlib.rloo", None)
    wrong = fuzz("rloo", "torch", [5]).wrong
    assert wrong.startswith("call_of('rloo', 5), torch, ")
    assert "TypeError" in wrong
