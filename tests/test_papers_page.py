"""docs/papers.md: the functions that serve systems without a name of their own, and their tests."""

import re

import pytest

from creditlib.registry import public_functions
from docs.print_pages.functions import ROOT, SEED_SYSTEMS, function_named
from docs.print_pages.papers import BY_LINES
from docs.print_pages.survey import thing
from docs.print_pages.unverified import NO_CREDIT, UNVERIFIED

CODE = re.compile(r"`([a-z_.]+)(?:\([^`]*\))?`")
NOT_OURS = {"creditlib", "token_reward", "weight", "rae"}


def names(text):
    """The functions that a cell names."""
    return [name for name in CODE.findall(text) if name not in NOT_OURS and name[-1] != "."]


@pytest.mark.parametrize("system", [*UNVERIFIED, *NO_CREDIT], ids=lambda system: system.name)
def test_what_serves_is_ours(system):
    found = names(system.serves)
    assert found or system.serves.startswith("None")
    assert all(callable(thing(name)) for name in found)


def test_no_function_bears_the_name_of_an_unverified_system():
    plain = {re.sub(r"\W", "_", system.name.lower()) for system in (*UNVERIFIED, *NO_CREDIT)}
    assert not plain & set(public_functions())
    assert {"flowtracer", "spae", "pre_grpo", "tp_grpo", "pbsd"} <= plain


@pytest.mark.parametrize("row", BY_LINES, ids=lambda row: row[0])
def test_lines_name_functions_of_ours(row):
    assert all(callable(thing(name)) for name in names(row[2]))
    assert len(row) == 5


def test_the_numbers_of_a_function_are_read_where_the_page_says():
    for name, system in SEED_SYSTEMS.items():
        file = ROOT / "tests" / "seeds" / f"test_seed_{system}.py"
        assert file.is_file(), f"{name}: {file.name} does not exist"
    assert function_named("grpo").tests["seed system"] == "tests/seeds/test_seed_lite_ppo.py"
