"""Every option of every public function changes the result on some input."""

import inspect

import pytest
import torch
from helpers import ALONG, F64, NEEDS, VARIANTS, Variant, arguments, numeric_names, results

import creditlib as cl
from creditlib.vocabulary.annotations import options_of

NUMBERS = (0.25, 0.5, 2.0, 7.0)
# Options without which a number is not read, or has no other value.
READ_WITH = {
    ("gae", "eps"): {"whiten": True},
    ("future_weight", "high"): {"low": 0.1},
    ("delta_weight", "high"): {"low": 0.1},
    ("match_reward", "regularization"): {"how": "transport"},
}


def numeric_options():
    """(function, option) of every option that is a number in a range."""
    for name in numeric_names():
        for option in options_of(getattr(cl, name)).values():
            if option.choices is None and not option.whole:
                yield name, option.name


def differs(first, second):
    return any(
        a.shape != b.shape or not torch.equal(a, b)
        for a, b in zip(results(first), results(second), strict=True)
    )


def _made_with(variant, options):
    return options.items() < variant.options.items()


@pytest.mark.parametrize("variant", [v for v in VARIANTS if v.options], ids=str)
def test_every_choice_changes_something(variant):
    more = [each for (name, *_), each in ALONG.items() if name == variant.name]
    plain = Variant(variant.name, next((each for each in more if _made_with(variant, each)), {}))
    for seed in range(64):  # a choice about ties needs luck
        x = arguments(variant, seed=seed, dtype=F64)
        if differs(variant(x), plain(x)):
            return
    pytest.fail("no input tells the choice from the default")


@pytest.mark.parametrize(("name", "option"), list(numeric_options()))
def test_every_number_changes_something(name, option):
    variant = Variant(name, READ_WITH.get((name, option), {}))
    default = inspect.signature(getattr(cl, name)).parameters[option].default
    present = NEEDS.get(name, {}).get(option, default)
    for seed in range(8):
        x = arguments(variant, seed=seed, dtype=F64)
        for value in NUMBERS:
            allowed = options_of(getattr(cl, name))[option].spec.allows(value)
            if allowed and value != present and differs(variant(x, **{option: value}), variant(x)):
                return
    pytest.fail("no input tells one value from another")
