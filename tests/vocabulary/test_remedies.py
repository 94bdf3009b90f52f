"""What to do about a wrong tensor; more in test_wrong_calls.py."""

import pytest
import torch

from creditlib.vocabulary.annotations import describe
from creditlib.vocabulary.remedies import remedy_of_size, remedy_of_tensor
from creditlib.vocabulary.words import ARGUMENTS


def remedy(name, value):
    return remedy_of_tensor(describe(name, ARGUMENTS[name]), value)


@pytest.mark.parametrize("name", [name for name in ARGUMENTS if name != "out"])
def test_a_list_has_a_remedy_for_every_argument(name):
    assert "`creditlib.tensors`" in remedy(name, [1.0])


def test_dtypes():
    assert remedy("group", torch.zeros(2)) == "call `.long()`"
    assert remedy("duration", torch.zeros(2, 2).long()) == "call `.float()`"
    assert remedy("valid", torch.ones(2)) == "compare it with 0: `valid != 0`"
    assert remedy("group", torch.ones(2).bool()) == "`ids` makes integers of uids"
    assert remedy("group", torch.ones(2, dtype=torch.complex64)) == ""


def test_axes():
    assert remedy("turn_reward", torch.zeros(2)) == "`outcome_at_last_turn` makes it from `reward`"
    assert remedy("token_reward", torch.zeros(2, 3, 1)) == "call `.squeeze(-1)`"
    assert remedy("group", None) == "`ids` makes integers of uids"


def size(name, axes, shape, **sizes):
    argument = describe(name, ARGUMENTS[name])
    bound = {axis: (number, "reward") for axis, number in sizes.items()}
    return remedy_of_size(argument, axes, torch.zeros(shape), bound)


def test_sizes():
    assert size("anchor", ("batch", "turn"), (2, 3), batch=3) == "transpose it: `anchor.T`"
    assert size("anchor", ("batch", "turn"), (2, 3), batch=4, turn=3) == ""
    assert "`bootstrap`" in size("value", ("batch", "token"), (3, 5), batch=3, token=4)
    assert "not for each turn or token" in size("group", ("batch",), (6,), batch=3)
    assert size("group", ("batch",), (5,), batch=3) == ""
