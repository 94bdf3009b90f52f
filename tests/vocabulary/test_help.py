import inspect
import re
from typing import Annotated, Literal

import pytest

import creditlib as cl
from creditlib.registry import public_functions
from creditlib.vocabulary import Credit, Reward, Turns, breaks
from creditlib.vocabulary.argument_spec import ArgumentSpec
from creditlib.vocabulary.contract import checked

CHECKED = {**public_functions(), "to_tokens": cl.to_tokens, "turn_sum": cl.turn_sum}
CHECKED |= {"whiten": cl.whiten, "whitening_stats": cl.whitening_stats}


def sections(function):
    """The sections of a docstring: title -> its lines, each entry on one line."""
    found = {}
    for part in inspect.getdoc(function).split("\n\n"):
        title, _, body = part.partition(":\n")
        if re.fullmatch(r"Tensors|Options|Returns|Breaks by design|Raises", title):
            found[title] = re.sub(r"\n {8}", " ", body).splitlines()
    return found


@pytest.mark.parametrize("name", CHECKED)
def test_every_parameter_of_a_checked_function_has_one_line(name):
    """A meaning, the choices or the range of an option, and its default."""
    found = sections(CHECKED[name])
    tensors, options = found.get("Tensors", []), found.get("Options", [])
    if "Raises" not in found:
        pytest.skip("the function runs on the host and is not checked")
    parameters = inspect.signature(CHECKED[name]).parameters
    lines = {line.split(":")[0].strip(): line for line in [*tensors, *options]}
    assert sorted(lines) == sorted(parameters)
    assert len(lines) == len(tensors) + len(options)
    for parameter, line in lines.items():
        if f"    {parameter}: " in "\n".join(options):
            default = parameters[parameter].default
            required = default is inspect.Parameter.empty
            assert line.endswith("; required." if required else f"; default {default!r}."), line


@pytest.mark.parametrize("name", CHECKED)
def test_the_result_and_the_error_are_in_the_docstring(name):
    found = sections(CHECKED[name])
    if "Raises" not in found:
        pytest.skip("the function runs on the host and is not checked")
    assert found["Raises"][0].startswith("    ContractError: ")
    pattern = r"    (\(?float\[.*; .+; float32, or float64 if|bool\[.*; True where)"
    assert re.match(pattern, found["Returns"][0])


def test_the_line_of_an_option_has_its_choices_or_its_range():
    @checked
    @breaks("credit_sums_to_zero", because="nothing is subtracted.", form=("a", "b"))
    def estimator(
        *,
        reward: Reward,
        turns: Turns,
        form: Annotated[Literal["a", "b"] | None, ArgumentSpec("how it is done")] = None,
        cap: Annotated[float | None, ArgumentSpec("a limit", above=0)] = None,
    ) -> Credit:
        """Something."""
        return reward

    assert sections(estimator) == {
        "Tensors": ["    reward: float[batch]; outcome reward of a trajectory."],
        "Options": [
            "    turns: size of the axis of turns; an integer at least 0; required.",
            "    form: how it is done; 'a' | 'b' | None; default None.",
            "    cap: a limit; a number above 0, or None; default None.",
        ],
        "Returns": [
            "    float[batch]; credit of a trajectory; float32, or float64 if a value is float64."
        ],
        "Breaks by design": ["    credit_sums_to_zero (form='a' or 'b'): nothing is subtracted."],
        "Raises": [
            "    ContractError: an argument breaks its contract; the message is one sentence that "
            "names both."
        ],
    }


def test_a_function_without_a_docstring_still_gets_the_sections():
    """Python -OO removes docstrings."""

    @checked
    def estimator(*, reward: Reward) -> Credit:
        return reward

    assert list(sections(estimator)) == ["Tensors", "Returns", "Raises"]


def test_lines_are_at_most_100_characters_long():
    longest = {
        name: max(map(len, function.__doc__.splitlines())) for name, function in CHECKED.items()
    }
    assert max(longest.values()) <= 100, longest
