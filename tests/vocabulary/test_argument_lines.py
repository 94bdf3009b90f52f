import dataclasses
import importlib
import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import creditlib as cl
from creditlib.vocabulary import Credit, Reward
from creditlib.vocabulary.argument_lines import (
    ArgumentLine,
    argument_lines,
    text_without_arguments,
    written_lines,
)
from creditlib.vocabulary.words import options as words_of_options

MODULES = (
    "creditlib",
    "creditlib.algebra",
    "creditlib.audit",
    "creditlib.diagnostics",
    "creditlib.distributed",
    "creditlib.inputs.layouts",
    "creditlib.recipes",
    "creditlib.registry",
    "creditlib.report",
    "creditlib.rollouts",
    "creditlib.rows",
    "creditlib.shaping",
    "creditlib.streaming",
    "creditlib.testing",
    "creditlib.weighting",
)
# A class with these methods is used through them; of other classes only the constructor counts.
CLASSES_WITH_METHODS = ("Groups", "Moments", "RoleBaselines", "Task")
_TITLE = re.compile(r"^(Tensors|Options|Args):$", re.MULTILINE)


def public_functions():
    """Every public function, constructor and method: its place -> it."""
    found = {}
    for module in map(importlib.import_module, MODULES):
        names = getattr(module, "__all__", sorted(vars(module)))
        for name in names:
            each = getattr(module, name)
            if inspect.isfunction(each):
                found.setdefault(each, f"{module.__name__}.{name}")
            elif inspect.isclass(each) and each.__name__ in CLASSES_WITH_METHODS:
                for method in vars(each):
                    if not method.startswith("_") and callable(getattr(each, method)):
                        bound = getattr(each, method)
                        found.setdefault(bound, f"{module.__name__}.{name}.{method}")
    return {place: function for function, place in found.items()}


PUBLIC = public_functions()


@pytest.mark.parametrize("place", PUBLIC)
def test_every_parameter_of_a_public_function_has_one_line(place):
    function = PUBLIC[place]
    lines = {line.name: line for line in argument_lines(function)}
    for line in lines.values():
        assert re.match(r"\w|[\"'`(−]", line.meaning), f"{line.name} has no meaning"
        assert line.contract, f"{line.name} has no type"
        assert line.required == (line.default == "")
    text = inspect.getdoc(function)
    names = [name for section in sections(text) for name in section]
    assert len(names) == len(set(names)), f"documented twice: {names}"
    assert set(names) <= set(lines), f"no such parameter: {set(names) - set(lines)}"
    if hasattr(function, "__wrapped__"):  # checked: help() prints all of them
        assert sorted(names) == sorted(lines)


def sections(text):
    """The names of the parameters in each section of a docstring that describes them."""
    parts = _TITLE.split(text)[2::2]
    return [re.findall(r"^ {4}(\w+): ", part.split("\n\n")[0], re.MULTILINE) for part in parts]


@pytest.mark.parametrize("place", PUBLIC)
def test_the_signature_prints_values_and_not_the_names_of_aliases(place):
    text = str(inspect.signature(PUBLIC[place]))
    names = [each.strip(" '") for each in re.findall(r"(?:: |\| |-> )'?([\w |]+)'?", text)]
    words = {word.strip() for each in names for word in each.split("|")}
    assert not words & set(words_of_options.__all__), text
    assert not words & {"Reward", "TurnCount", "Valid", "Turn", "Credit", "TurnCredit"}, text


def test_a_line_holds_the_facts_of_its_parameter():
    lines = {line.name: line for line in argument_lines(cl.gigpo)}
    assert lines["gamma"] == ArgumentLine(
        name="gamma",
        kind="option",
        contract="a number in [0, 1]",
        meaning=lines["gamma"].meaning,
        required=False,
        default="0.95",
    )
    assert lines["leave_out"].choices == ("'turn'", "'trajectory'", "None")
    assert lines["reward"].unit == "reward"
    assert (lines["group"].kind, lines["group"].required) == ("tensor", True)
    assert {line.name: line.unit for line in argument_lines(cl.duration_weight)}["duration"] == (
        "seconds"
    )


def test_lines_of_a_function_that_is_not_checked_are_those_of_its_docstring():
    def join(first: str | Path, *more: str, sep: str = ",", times: Callable[[], int], **rest: int):
        """Join.

        Args:
            first: the start.
            more: texts that follow,
                in order.
            sep, times: between them; how often.

        >>> 1
        1
        """

    lines = argument_lines(join)
    assert [(line.name, line.meaning) for line in lines] == [
        ("first", "the start"),
        ("more", "texts that follow, in order"),
        ("sep", "between them; how often"),
        ("times", "between them; how often"),
        ("rest", ""),
    ]
    assert [line.contract for line in lines] == [
        "str | Path",
        "str",
        "str",
        "Callable[[], int]",
        "an integer",
    ]
    assert [line.default for line in lines] == ["", "none", "','", "", "none"]
    assert text_without_arguments(join) == "Join.\n\n>>> 1\n1"


def test_lines_of_a_class_are_those_of_its_constructor():
    @dataclasses.dataclass
    class Data:
        """Data.

        Args:
            size: how much.
        """

        size: int = 3

    class Plain:
        """Plain.

        Args:
            reward: what it earned.
        """

        def __init__(self, reward: Reward) -> None: ...

    assert [str(line) for line in argument_lines(Data)] == [
        "size: how much; an integer; default 3."
    ]
    assert [str(line) for line in argument_lines(Plain)] == [
        "reward: float[batch]; what it earned."
    ]


def test_a_line_of_the_docstring_wins_over_the_vocabulary():
    from creditlib.vocabulary.contract import checked

    @checked
    def twice(*, reward: Reward, factor: float = 2.0) -> Credit:
        """Doubled.

        Options:
            factor: what it is multiplied by. At 1 nothing changes.
            reward: the outcome.

        Source: none.
        """
        return factor * reward

    text = twice.__doc__
    assert text.startswith(
        "Doubled.\n\nSource: none.\n\nTensors:\n    reward: float[batch]; the outcome."
    )
    line = "    factor: what it is multiplied by. At 1 nothing changes. A number; default 2.0."
    assert text.count("Options:\n") == 1
    assert line in text


def test_written_lines_end_with_their_section():
    assert written_lines("A.\n\nOptions:\n    a: one.\n\nSource:\n    b: not one.") == {"a": "one"}
