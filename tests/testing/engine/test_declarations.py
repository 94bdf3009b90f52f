import functools
import subprocess
import sys
from pathlib import Path

import pytest

import creditlib as cl
from creditlib.registry import public_functions
from creditlib.testing.engine.declarations import declarations_of, declared, holds
from creditlib.testing.laws import LAWS
from creditlib.testing.subject import subject_of
from creditlib.vocabulary import Reward
from creditlib.vocabulary.breaks import BrokenLaw, breaks


@breaks("order_does_not_matter", because="so it is.", scale=None)
@breaks("credit_is_finite", "credit_sums_to_zero", because="always.")
def estimator(*, reward: Reward, scale: float | None = None):
    return reward, scale


def test_a_declaration_holds_for_the_options_it_names():
    both = BrokenLaw(("one", "two"), "because.", {"scale": (None,), "over": ("a", "b")})
    assert holds(both, {"scale": None, "over": "b", "more": 1})
    assert not holds(both, {"scale": None, "over": "c"})
    assert not holds(both, {"over": "a"})


def test_defaults_and_what_a_partial_binds_count_as_options():
    always = {"credit_is_finite": "always.", "credit_sums_to_zero": "always."}
    assert declared(subject_of(estimator, {})) == {"order_does_not_matter": "so it is.", **always}
    assert declared(subject_of(estimator, {"scale": 2.0})) == always
    assert declared(subject_of(functools.partial(estimator, scale=2.0), {})) == always


def test_a_function_without_declarations_declares_nothing():
    def silent(*, reward: Reward):
        return reward

    assert declarations_of(silent) == ()
    assert declared(subject_of(silent, {})) == {}


OPTIMISED = """
from creditlib.testing.engine.declarations import declared
from creditlib.testing.subject import subject_of
from creditlib.vocabulary import Reward
from creditlib.vocabulary.breaks import breaks

@breaks("credit_is_finite", because="so it is.")
def estimator(*, reward: Reward):
    "A text that python -OO removes."
    return reward

assert estimator.__doc__ is None
print(declared(subject_of(estimator, {})))
"""


@pytest.mark.nightly  # tests/vocabulary/test_breaks.py asks an estimator of ours
def test_declarations_survive_a_python_without_docstrings():
    command = [sys.executable, "-OO", "-c", OPTIMISED]
    root = Path(cl.__file__).parents[1]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    assert run.stdout == "{'credit_is_finite': 'so it is.'}\n"


@pytest.mark.parametrize("name", sorted(public_functions()))
def test_ours_declare_laws_that_exist_with_options_that_exist(name):
    function = public_functions()[name]
    subject = subject_of(function, {})
    for each in declarations_of(function):
        assert set(each.laws) <= set(LAWS)
        assert set(each.options) <= set({**subject.options, **subject.fixed})
        assert each.because.endswith(".")
