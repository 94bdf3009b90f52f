import ast
import inspect
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib import vocabulary
from creditlib.annotations import describe, tensors_of
from creditlib.checks import _vocabulary
from creditlib.names import public_functions
from creditlib.vocabulary import Word

TENSORS = {name: describe(name, alias) for name, alias in _vocabulary().items()}
TENSORS = {name: argument for name, argument in TENSORS.items() if argument.shapes}
RANGES = {
    "nothing": (Word("m"), "", [-math.inf, 0, math.inf], []),
    "low": (Word("m", low=0), "at least 0", [0, 1e9], [-1e-9, -1]),
    "low and high": (Word("m", low=0, high=1), "in [0, 1]", [0, 0.5, 1], [-0.1, 1.1]),
    "above": (Word("m", above=0), "above 0", [1e-9, 5], [0, -1]),
}


@pytest.mark.parametrize("case", RANGES)
def test_a_range_says_and_allows_the_same(case):
    word, text, allowed, refused = RANGES[case]
    assert word.range() == text
    assert all(word.allows(value) for value in allowed)
    assert not any(word.allows(value) for value in refused)


@given(st.sampled_from([word for word, *_ in RANGES.values()]))
def test_nan_is_in_no_range(word):
    assert not word.allows(math.nan)


def test_every_alias_is_public_and_every_public_name_exists():
    tree = ast.parse(inspect.getsource(vocabulary))
    defined = {node.target.id for node in tree.body if isinstance(node, ast.AnnAssign)}
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    assert vocabulary.__all__ == sorted(defined | classes)


@pytest.mark.parametrize("name", TENSORS)
def test_a_tensor_has_a_meaning_and_axes_that_are_words(name):
    argument = TENSORS[name]
    assert argument.meaning
    assert not argument.meaning.endswith(".")
    axes = {axis for shape in argument.shapes for axis, _ in shape.axes}
    assert axes <= {"batch", "turn", "token", "milestone", "objective", "row"}


# Names that mean the same tensor at every level, and `score` of the softmin family's inner parts.
ANY_LEVEL = {"x", "credit", "weight"}


@pytest.mark.parametrize("name", sorted(public_functions()))
def test_a_public_function_uses_a_name_as_the_vocabulary_defines_it(name):
    """One name, one contract: two meanings of `weight` would be two interfaces."""
    for argument in tensors_of(public_functions()[name]).values():
        known = TENSORS[argument.name]
        assert argument.contract == known.contract, argument.name
        assert argument.meaning == known.meaning, argument.name


def test_token_functions_use_names_as_the_vocabulary_defines_them():
    """Except where a function takes any level or any value of a token, which has its own alias."""
    for function in (cl.to_tokens, cl.turn_sum, cl.whitening, cl.whiten):
        for argument in tensors_of(function).values():
            if argument.name not in ANY_LEVEL:
                assert argument.contract == TENSORS[argument.name].contract
