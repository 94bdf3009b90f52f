"""Refusals under torch.compile: names, dtypes, sizes and options; no foreign memory is read."""

import pytest
import torch
from helpers import operators
from vocabulary.test_wrong_calls import WRONG_CALLS

import creditlib as cl
from creditlib.vocabulary.backends import INSTALLED

# Functions that run on the host by design, and refusals that look at values: while a call is
# traced, values cannot be looked at.
HOST = ("apply", "estimator", "column", "group: ids", "rows without a group")
VALUES = (
    "unscored",
    "never ended",
    "went back",
    "an overflow",
    "infinite weight",
    "an index of the last turn",
    "lengths for counts",
    "off by one",
    "in a batch",
    "lengths of turns",
)
TRACED = {
    case: call
    for case, call in WRONG_CALLS.items()
    if not any(word in case for word in HOST + VALUES)
}


@pytest.mark.parametrize("case", TRACED)
def test_a_wrong_call_is_refused_while_it_is_traced(case):
    call, sentence = TRACED[case]
    torch._dynamo.reset()
    with pytest.raises(cl.ContractError) as caught:
        torch.compile(call, backend="eager")()
    assert str(caught.value) == sentence


def compiled(function):
    torch._dynamo.reset()
    return torch.compile(function, fullgraph=True, backend="eager")


def test_offsets_that_leave_tokens_out_are_refused_when_the_operator_runs():
    """The last two of four tokens belong to no row; their results would not be written."""
    pytest.importorskip("numba")
    given = {"gamma": 1.0, "backend": "numba"}
    run = compiled(lambda r, t, o: cl.discounted_return(token_reward=r, turn=t, offsets=o, **given))
    with pytest.raises(cl.ContractError, match="`offsets` must be rising from 0 to the 4 tokens"):
        run(torch.rand(4), torch.zeros(4, dtype=torch.int64), torch.tensor([0, 2]))


@pytest.mark.parametrize(
    "offsets", [[0, 50_000_000], [0, -50_000_000, 4], [0, 2], [0, 3, 2, 4], [1, 4]]
)
def test_offsets_outside_the_tokens_are_refused_when_the_operator_runs(offsets):
    pytest.importorskip("numba")
    given = {"gamma": 1.0, "backend": "numba"}
    run = compiled(lambda r, t, o: cl.discounted_return(token_reward=r, turn=t, offsets=o, **given))
    turn = torch.zeros(4, dtype=torch.int64)
    with pytest.raises(cl.ContractError, match="`offsets` must be rising from 0 to the 4 tokens"):
        run(torch.rand(4), turn, torch.tensor(offsets))
    assert torch.is_grad_enabled()


def test_a_mask_for_a_map_is_refused_when_the_operator_runs():
    run = compiled(lambda credit, turn: cl.to_tokens(credit, turn))
    with pytest.raises(cl.ContractError, match="ids that never go back along a row"):
        run(torch.ones(1), torch.tensor([[0, 1, 0]]))


def test_an_option_out_of_range_is_refused_in_a_whole_graph():
    """Rewards 1, 1, 1 and gamma 2 would give 7, 3, 1. Dynamo reports it in its own words."""
    run = compiled(lambda r, t: cl.discounted_return(token_reward=r, turn=t, gamma=2.0))
    with pytest.raises(torch._dynamo.exc.Unsupported):
        run(torch.ones(1, 3), torch.zeros(1, 3, dtype=torch.int64))


def test_sizes_are_checked_again_for_every_shape():
    """A graph for one shape is not used for another."""
    run = compiled(lambda credit, turn: cl.to_tokens(credit, turn))
    assert run(torch.ones(2), torch.zeros(2, 3, dtype=torch.int64)).shape == (2, 3)
    with pytest.raises(Exception, match=r"ContractError|Observed exception"):
        run(torch.ones(2), torch.zeros(4, 3, dtype=torch.int64))


X, TURN = torch.zeros(2, 3), torch.zeros(2, 3, dtype=torch.int64)
MORE = torch.zeros(2000, 3, dtype=torch.int64)
# Each operator with sizes that no caller has looked at.
WRONG_SIZES = {
    "token_returns": [(X, MORE, 1.0), (X[0], TURN, 1.0), (X, TURN, 1.0, torch.zeros(2, 2).bool())],
    "whitened_returns": [(X, MORE, 1.0, 0.0)],
    "gae": [
        (X, X, MORE, 1.0, 1.0),
        (X, X[:, :2], TURN, 1.0, 1.0),
        (X, X, TURN, 1.0, 1.0, torch.zeros(3)),
    ],
    "whitened_gae": [
        (X, X, MORE, 1.0, 1.0, 0.0),
        (X, X[:, :2], TURN, 1.0, 1.0, 0.0),
        (X, X, TURN, 1.0, 1.0, 0.0, torch.zeros(3)),
    ],
    "turn_returns": [(X, torch.zeros(2, 2).bool(), 1.0)],
    "to_tokens": [(torch.ones(2), MORE), (X, TURN, X[:1]), (X[0], TURN[0])],
    "sum_turns": [(X, MORE, 2)],
    "moments": [(X, torch.ones(2, 2), 0.0)],
    "standardize": [(X, torch.ones(1, 3), 0.0)],
    "relative": [
        (X[0], [torch.zeros(2, dtype=torch.int64)], torch.ones(3, dtype=torch.bool)),
        (X[0], [torch.zeros(3, dtype=torch.int64)], torch.ones(2, dtype=torch.bool)),
    ],
    "reverse_minimum": [],
    "group_scale": [(X[0], TURN[0, :2], torch.ones(3, dtype=torch.bool))],
    "decayed_returns": [(X, torch.zeros(2, 3).bool(), X[:1])],
    "token_ratios": [(X, X, MORE, 0.0, 2.0, False), (X, X[:, :2], TURN, 0.0, 2.0, False)],
    "log_ratio_sums": [(X, X, MORE, 1, False), (X, X[:, :2], TURN, 1, False)],
    "top_mask": [(X, MORE, 0.5, False)],
    "two_level_gae": [
        (X, X, MORE, 1.0, 1.0, 1.0, 1.0),
        (X, X[:, :2], TURN, 1.0, 1.0, 1.0, 1.0),
        (X, X, TURN, 1.0, 1.0, 1.0, 1.0, False, torch.zeros(3)),
    ],
    "min_returns": [(X, TURN[:1, 0], None)],
    "min_form_credit": [
        (X, TURN[:1, 0], TURN[:, 0], "softmin", 0.1, "step", 1.0, "zero"),
        (X, TURN[:, 0], TURN[:1, 0], "softmin", 0.1, "step", 1.0, "zero"),
    ],
}


def test_every_operator_has_wrong_sizes_here():
    assert set(WRONG_SIZES) == operators()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [(name, case) for name, cases in WRONG_SIZES.items() for case in cases],
)
@pytest.mark.parametrize("backend", [name for name, there in INSTALLED.items() if there])
def test_an_operator_refuses_sizes_that_nobody_checked(name, arguments, backend):
    operator = getattr(torch.ops.creditlib, f"{name}_{backend}").default
    with pytest.raises(cl.ContractError, match=f"^{name}: `"):
        operator(*arguments)
