import ast
import importlib
import inspect
import pkgutil

import pytest

import creditlib as cl
from creditlib.registry import public_functions
from creditlib.testing.generate.batch_builder import OTHER
from creditlib.vocabulary import words as vocabulary
from creditlib.vocabulary.annotations import describe, tensors_of
from creditlib.vocabulary.words import ARGUMENTS

TENSORS = {name: describe(name, alias) for name, alias in ARGUMENTS.items()}
TENSORS = {name: argument for name, argument in TENSORS.items() if argument.shapes}


def defined(module):
    tree = ast.parse(inspect.getsource(module))
    return {node.target.id for node in tree.body if isinstance(node, ast.AnnAssign)}


def test_every_alias_is_public_and_every_public_name_exists():
    found = defined(vocabulary)
    for module in pkgutil.iter_modules(vocabulary.__path__, f"{vocabulary.__name__}."):
        part = importlib.import_module(module.name)
        assert part.__all__ == sorted(defined(part)), module.name
        found |= defined(part)
    assert sorted(vocabulary.__all__) == sorted(found)


@pytest.mark.parametrize("name", TENSORS)
def test_a_tensor_has_a_meaning_and_axes_that_are_words(name):
    argument = TENSORS[name]
    assert argument.meaning
    assert not argument.meaning.endswith(".")
    axes = {axis for shape in argument.shapes for axis, _ in shape.axes}
    assert axes <= {"batch", "turn", "token", "row", *OTHER}


# Names that mean the same tensor at every level, and `score` of the softmin family's inner parts.
ANY_LEVEL = {"x", "credit", "weight", "out"}


@pytest.mark.parametrize("name", sorted(public_functions()))
def test_a_public_function_uses_a_name_as_the_vocabulary_defines_it(name):
    """One name, one contract: two meanings of `weight` would be two interfaces.

    A function may take one of the levels of what exists at several.
    """
    for argument in tensors_of(public_functions()[name]).values():
        known = TENSORS[argument.name]
        if known.spec.ambiguous and argument.contract != known.contract:
            assert argument.contract in known.contract.split(" or "), argument.name
            continue
        assert argument.contract == known.contract, argument.name
        assert argument.meaning == known.meaning, argument.name


def test_token_functions_use_names_as_the_vocabulary_defines_them():
    """Except where a function takes any level or any value of a token, which has its own alias."""
    for function in (cl.to_tokens, cl.turn_sum, cl.whitening_stats, cl.whiten):
        for argument in tensors_of(function).values():
            if argument.name not in ANY_LEVEL:
                assert argument.contract == TENSORS[argument.name].contract


def test_what_a_name_is_part_of_is_a_tensor_of_the_same_shape():
    parts = {name: x.spec.part_of for name, x in TENSORS.items() if x.spec.part_of}
    assert parts == {"finished": "started"}
    assert all(TENSORS[a].contract == TENSORS[b].contract for a, b in parts.items())


def test_what_is_earned_or_expected_has_the_unit_of_rewards():
    units = {}
    for name, argument in TENSORS.items():
        units.setdefault(argument.spec.unit, set()).add(name)
    assert units["reward"] == {
        *("reward", "rewards", "turn_reward", "token_reward"),
        *("process_reward", "information_gain", "coalition_value"),
    }
    assert units["prediction"] == {
        *("baseline", "value", "bootstrap"),
        *("values", "bootstraps", "potential", "final", "turn_value", "segment_value"),
        *("viability", "viability_after", "steps_to_go", "steps_to_go_after"),
    }
