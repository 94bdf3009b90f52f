"""Values are looked at where looking waits for no device."""

import inspect
import math

import pytest
import torch

import creditlib as cl
from creditlib.registry import public_functions
from creditlib.testing import random_arguments
from creditlib.vocabulary.annotations import LARGEST, tensors_of
from creditlib.vocabulary.regions import read_values
from creditlib.vocabulary.small_values import has_small_values, name_place

NAN, INF = math.nan, math.inf
NEEDS_RATES = ("gae", "discounted_return", "two_level_gae")


def cases():
    """Each number that an estimator reads with each value that its vocabulary does not allow."""
    for name, function in sorted(public_functions().items()):
        drawn = random_arguments(function, optional=True)
        for argument, tensor in tensors_of(function).items():
            if has_small_values(tensor) and drawn[argument].is_floating_point():
                wrong = [NAN, INF, -INF, 1e200]
                if tensor.spec.nan:
                    wrong = [INF, -INF] if tensor.spec.unit == "reward" else []
                yield from ((name, argument, bad) for bad in wrong)


def call(name, arguments):
    """The sentence that refuses a call, or what it returned."""
    function = public_functions()[name]
    options = {"gamma": 0.5, "lam": 0.5} if name in NEEDS_RATES else {}
    known = inspect.signature(function).parameters
    options = {key: value for key, value in options.items() if key in known}
    if "turns" in known and known["turns"].default is inspect.Parameter.empty:
        options["turns"] = 5
    try:
        return function(**arguments, **options)
    except cl.ContractError as error:
        return str(error)


@pytest.mark.parametrize(("name", "argument", "bad"), list(cases()))
def test_what_would_spread_is_refused_with_its_row(name, argument, bad):
    """Every small argument of every function; values that are not read may be anything."""
    function = public_functions()[name]
    given = random_arguments(function, optional=True, dtype=torch.float64)
    given.pop("valid", None)
    tensor = tensors_of(function)[argument]
    x = given[argument]
    axes = [axis for axis, _ in tensor.fitting(x).axes]
    read = read_values(argument, x, axes, given)
    for where, refused in ((read, True), (~read, False)):
        if not bool(where.any()):
            continue
        place = tuple(where.nonzero()[0].tolist())
        changed = {**given, argument: x.clone()}
        changed[argument][place] = bad
        found = call(name, changed)
        assert isinstance(found, str) == refused, found
        if refused:
            assert found.startswith(f"{name}: `{argument}` must be ")
            assert f"in row {place[0]}" in found


def test_the_largest_value_is_right():
    """(x − 0) / 2 and its negative: no square overflows."""
    reward = torch.tensor([LARGEST, 0.0], dtype=torch.float64)
    group = torch.tensor([7, 7])
    credit = cl.grpo(reward=reward, group=group, scale=None)
    assert credit.tolist() == [LARGEST / 2, -LARGEST / 2]
    scaled = cl.grpo(reward=reward, group=group)
    torch.testing.assert_close(scaled, torch.tensor([0.5**0.5, -(0.5**0.5)], dtype=torch.float64))


def test_values_on_a_device_are_not_waited_for():
    meta = torch.zeros(2, device="meta")
    result = cl.grpo(reward=meta, group=meta.long())
    assert result.device.type == "meta"


def test_a_place_in_words():
    x = torch.tensor([[1.0, -2.0], [3.0, -4.0]])
    assert name_place(x, x < -3, ["batch", "turn"]) == "-4.0 in row 1, turn 1"
    assert name_place(x[:, 0], x[:, 0] > 2, ["batch"]) == "3.0 in row 1"
