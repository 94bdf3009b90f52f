import torch

from creditlib.vocabulary import Reward
from creditlib.vocabulary.annotations import tensors_of
from creditlib.vocabulary.call_names import CallNames, missing_argument, unknown_argument


def scaled(*, reward: Reward, rate: float, scale: str = "std"):
    return reward * rate


def placed(credit, turn, *, weight=None):
    return credit, turn, weight


NAMES = CallNames.of(scaled)
TENSORS = tuple(tensors_of(scaled).values())


def error(places=0, **given):
    assert not NAMES.allow(places, given)
    return str(NAMES.error("scaled", TENSORS, places, given))


def test_a_right_call_is_allowed():
    assert NAMES.allow(0, {"reward": 1, "rate": 2})
    assert CallNames.of(placed).allow(2, {"credit": 1, "turn": 2})


def test_the_first_fault_is_named():
    assert error(reward=1, rtae=2.0, scale="mad") == (
        "scaled: `rtae` must be one of its arguments, got 2.0 (did you mean 'rate'?)."
    )
    assert error(reward=1) == "scaled: `rate` must be given, got nothing."
    assert error(rate=1) == "scaled: `reward` must be float[batch], got nothing."
    assert error(1, reward=1, rate=2) == (
        "scaled: `reward` must be given by name, scaled(reward=…), got 1 by place."
    )


def test_too_many_by_place():
    names = CallNames.of(placed)
    assert not names.allow(3, {"credit": 1, "turn": 2, "weight": 3})
    assert str(names.error("placed", (), 3, {"credit": 1, "turn": 2})) == (
        "placed: `arguments` must be given by name, placed(), got 3 by place."
    )


def test_a_value_is_shown_or_described():
    assert "got torch.float32 (2,)." in str(unknown_argument("f", "q", torch.zeros(2), []))
    assert "got 'a'." in str(unknown_argument("f", "q", "a", []))
    assert str(missing_argument("f", "reward", TENSORS[0], "None")).endswith("got None.")
