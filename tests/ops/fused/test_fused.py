"""A method in one loop gives the bits of its steps, and costs no tensor operations of its own."""

import inspect
import itertools

import pytest
import torch
from helpers import F64
from torch.utils._python_dispatch import TorchDispatchMode

import creditlib as cl
from creditlib.ops import fused
from creditlib.ops.backend import dispatch
from creditlib.ops.fused import fused_loop
from creditlib.testing import agree
from creditlib.vocabulary.backends import INSTALLED
from creditlib.vocabulary.contract import ContractError

needs_numba = pytest.mark.skipif(not INSTALLED["numba"], reason="numba is not installed")
INT = (torch.int8, torch.int16, torch.int32, torch.int64)
METHODS = {
    "gigpo": {
        "scale": ["std", None],
        "lone": ["zero", "raw"],
        "leave_out": [None, "turn", "trajectory"],
        "episode_over": ["trajectory", "first_turn", "turn"],
    },
    "igpo": {"pool": ["joint", "separate"], "gamma": [1.0, 0.9], "ddof": [0, 1]},
    "a2tgpo": {"alpha": [0.3, 0.0], "gamma": [1.0, 0.9], "ddof": [0, 1]},
    "grpo_process": {"scale": ["std", "mean", "mad", None], "ddof": [0, 1]},
    "hgpo": {"scale": ["std", None], "history": [0, 2], "ddof": [0, 1]},
    "action_margin": {"prior": [0.1, 0.0], "gamma": [0.9, 1.0]},
    "duration_weight": {"over": ["batch", "group"], "cap": [None, 1.5]},
}
CASES = [
    pytest.param(name, dict(zip(choices, values, strict=True)), id=f"{name}-{values}")
    for name, choices in METHODS.items()
    for values in itertools.product(*choices.values())
]


def draw(seed, rows, turns, dtype=torch.float32):
    """Every tensor that a method here takes, with values that are not finite where nobody reads."""
    generator = torch.Generator().manual_seed(seed)

    def numbers(*shape):
        return torch.randint(0, 5, shape, generator=generator).to(dtype) / 3

    integer, count = INT[seed % 4], torch.randint(0, turns + 1, (rows,), generator=generator)
    valid = torch.rand(rows, generator=generator) < 0.8 if seed % 2 else None
    real = torch.arange(turns) < count[:, None]
    if valid is not None:
        real &= valid[:, None]
    reward, inner = numbers(rows), [numbers(rows, turns) for _ in range(3)]
    if valid is not None:
        reward[~valid] = torch.nan
    for x in inner:
        x[~real] = torch.inf if seed % 3 else torch.nan
    return {
        "reward": reward,
        "group": torch.randint(0, 4, (rows,), generator=generator).to(integer),
        "turn_count": count.to(integer),
        "valid": valid,
        "turn_reward": inner[0],
        "information_gain": inner[1],
        "duration": inner[2],
        "anchor": torch.randint(-1, 3, (rows, turns), generator=generator).to(integer),
        "action": torch.randint(-1, 3, (rows, turns), generator=generator).to(integer),
    }


def call(name, tensors, options):
    function = getattr(cl, name)
    names = inspect.signature(function).parameters
    given = {key: x for key, x in tensors.items() if key in names and x is not None}
    return function(**given, **options)


def in_steps(monkeypatch, name, tensors, options):
    """The result of the steps, each by numba's loops."""
    with monkeypatch.context() as patch:
        patch.setattr(fused, "runs_compiled_loops", lambda backend, device: False)
        return call(name, tensors, options)


def same(found, expected):
    return found.dtype is expected.dtype and torch.equal(found, expected)


@needs_numba
@pytest.mark.parametrize(("name", "options"), CASES)
def test_a_loop_gives_the_bits_of_the_steps(monkeypatch, name, options):
    shapes = [(0, 0), (0, 3), (3, 0), (1, 1), (2, 5), (9, 4), (33, 7)]
    for seed, (rows, turns) in enumerate(shapes * 2):
        x = draw(seed, rows, turns, F64 if seed % 3 == 1 else torch.float32)
        assert same(call(name, x, options), in_steps(monkeypatch, name, x, options))


@needs_numba
@pytest.mark.parametrize("name", METHODS)
def test_a_loop_takes_views_of_any_form(monkeypatch, name):
    x = draw(1, 12, 5)
    wide = {key: torch.stack([v, v], -1)[..., 0] for key, v in x.items()}
    minus = {
        key: torch._neg_view(torch.stack([-v, -v], -1)[..., 0]) if v.is_floating_point() else v
        for key, v in x.items()
    }
    half = {key: v.to(torch.bfloat16) if v.is_floating_point() else v for key, v in x.items()}
    learned = {
        key: v.clone().requires_grad_() if v.is_floating_point() else v for key, v in x.items()
    }
    expected = call(name, x, {})
    for given in (wide, minus, learned):
        assert same(call(name, given, {}), expected)
    assert same(call(name, half, {}), in_steps(monkeypatch, name, half, {}))


def test_the_loop_of_gigpo_by_hand(backend):
    # Returns 0.5 and 1 against 0 and 0, from one state at the first turn; gamma is 0.5.
    # Episode: 1 and 0 minus their mean 0.5.  Step: 0.5 and 0 minus their mean 0.25; alone: 0.
    credit = cl.gigpo(
        reward=torch.tensor([1.0, 0.0]),
        group=torch.tensor([3, 3]),
        turn_reward=torch.tensor([[0.0, 1.0], [0.0, 0.0]]),
        anchor=torch.tensor([[5, 6], [5, -1]]),
        turn_count=torch.tensor([2, 1]),
        gamma=0.5,
        step_weight=2.0,
        scale=None,
    )
    assert credit.tolist() == [[0.5 + 2 * 0.25, 0.5], [-0.5 - 2 * 0.25, 0.0]]


def test_what_has_no_loop_runs_in_steps():
    pytest.importorskip("numba")
    x = {
        key: v.nan_to_num(0, 0, 0) if v.is_floating_point() else v
        for key, v in draw(0, 12, 5, F64).items()
        if v is not None
    }
    invalid = torch.arange(60).view(12, 5) % 7 == 0
    cases = [
        {"leave_out": "turn"},
        {"leave_out": "trajectory"},
        {"episode_over": "turn"},
        {"invalid_action": invalid},
    ]
    for options in cases:
        found = call("gigpo", x, {**options, "backend": "numba"})
        assert agree(found, call("gigpo", x, {**options, "backend": "torch"}))
    for scale in ("mad", "mean"):
        found = call("grpo_process", x, {"scale": scale, "backend": "numba"})
        assert agree(found, call("grpo_process", x, {"scale": scale, "backend": "torch"}))


def test_no_loop_where_numba_does_not_compute(monkeypatch):
    x = torch.zeros(1)
    assert fused_loop("gigpo", "torch", x) is None
    assert fused_loop("gigpo", "triton", x) is None
    assert fused_loop("gigpo", "auto", x.to("meta")) is None
    monkeypatch.setattr(dispatch, "default_backend", lambda device: "torch")
    assert fused_loop("gigpo", "auto", x) is None


@needs_numba
def test_sizes_that_a_loop_would_trust_are_refused():
    x = torch.zeros(2, 3)
    row, ids = x[:, 0], torch.zeros(2, dtype=torch.int64)
    loop = fused_loop("grpo_process", "numba", x)
    options = {"scale": "std", "ddof": 1, "eps": 0.0}
    assert loop(x, ids, ids, None, **options).shape == (2, 3)
    for group, count, valid in [
        (ids[:1], ids, None),
        (ids, ids[:1], None),
        (ids, ids, row[:1] > 0),
    ]:
        with pytest.raises(ContractError, match=r"grpo_process: `\w+` must be of 2 rows, got 1"):
            loop(x, group, count, valid, **options)


class Counting(TorchDispatchMode):
    """Counts the tensor operations that are dispatched; `detach` is the word of a shared array."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.append(function.name().removeprefix("aten::"))
        return function(*args, **(kwargs or {}))


# Each tensor that a loop reads or that leaves it is shared with an array.
SHARING = {"detach", "lift_fresh"}
# A look at the values of an argument: a reduction, and its numbers.
LOOKS = {"sum", "aminmax", "_local_scalar_dense"}


@needs_numba
@pytest.mark.parametrize("name", ["grpo", "rloo", *METHODS])
def test_a_call_costs_no_tensor_operation_but_its_checks(name):
    x = draw(0, 8, 4)
    real = {
        key: v.nan_to_num(0, 0, 0) if v.is_floating_point() else v
        for key, v in x.items()
        if v is not None
    }
    call(name, real, {"backend": "numba"})
    with Counting() as counting:
        call(name, real, {"backend": "numba"})
    assert set(counting.names) <= SHARING | LOOKS
    looked_at = {"reward", "turn_reward", "information_gain", "duration", "turn_count"}
    tensors = inspect.signature(getattr(cl, name)).parameters.keys() & real.keys()
    reductions = [each for each in counting.names if each in ("sum", "aminmax")]
    assert len(reductions) == len(tensors & looked_at)
    # One for each tensor that is read, one for the result.
    assert len([each for each in counting.names if each in SHARING]) <= len(tensors) + 1


@needs_numba
def test_tokens_cost_one_new_tensor():
    credit, turn = torch.ones(2), torch.zeros(2, 3, dtype=torch.int64)
    cl.to_tokens(credit, turn)
    with Counting() as counting:
        cl.to_tokens(credit, turn)
    assert sorted(set(counting.names)) == ["detach", "empty_like"]
    assert len(counting.names) == 4
