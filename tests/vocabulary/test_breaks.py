import functools
import os
import subprocess
import sys

import creditlib as cl
from creditlib.vocabulary import BrokenLaw, Credit, Reward, breaks, broken_laws_of
from creditlib.vocabulary.contract import checked

FIRST = BrokenLaw(("one", "two"), "it is so.", {"scale": ("std", "mad")})
SECOND = BrokenLaw(("three",), "of that.", {"center": (None,)})


@checked
@breaks("one", "two", because="it is so.", scale=("std", "mad"))
@breaks("three", because="of that.", center=None)
def estimator(*, reward: Reward, scale="std", center=None) -> Credit:
    return reward


def test_declarations_are_read_from_top_to_bottom():
    assert broken_laws_of(estimator) == (FIRST, SECOND)


def test_an_option_has_one_value_or_each_of_a_tuple():
    assert str(FIRST) == "one, two (scale='std' or 'mad'): it is so."
    assert str(SECOND) == "three (center=None): of that."
    assert str(BrokenLaw(("one",), "it is so.")) == "one: it is so."


def test_partials_and_wrappers_are_read_through():
    @functools.wraps(estimator)
    def wrapper(**arguments):
        return estimator(**arguments)

    del wrapper.broken_laws
    for function in (functools.partial(estimator, scale=None), wrapper):
        assert broken_laws_of(function) == (FIRST, SECOND)


def test_a_plain_function_and_a_callable_object_can_declare_laws():
    @breaks("one", because="it is so.")
    def plain(reward):
        return reward

    class Method:
        broken_laws = (SECOND,)

        def __call__(self, reward):
            return reward

    assert [each.laws for each in broken_laws_of(plain)] == [("one",)]
    assert broken_laws_of(Method()) == (SECOND,)


def test_a_function_without_declarations_breaks_nothing():
    assert broken_laws_of(cl.remax) == ()
    assert broken_laws_of(functools.partial(cl.remax)) == ()


def test_declarations_survive_a_python_without_docstrings():
    code = "import creditlib as cl; print([each.laws for each in cl.rloo.broken_laws])"
    command = [sys.executable, "-OO", "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    assert found.stdout.strip() == "[('lone_members_get_nothing',)]"
