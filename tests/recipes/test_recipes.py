"""One test for every recipe: golden numbers, signature, documentation, degenerate batches, laws.

A recipe is a file, one import line in `creditlib/recipes/__init__.py`, and golden numbers in
`tests/recipes/golden/NAME.npz` (or `NAME_*.npz`): `in_<argument>`, `out`, `preset` (a name in
`creditlib.presets`, or "" for the defaults), `tolerance` (a kind of the table of tolerances) and
`source`.
"""

import inspect
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import law_batches

import creditlib as cl
from creditlib import presets, recipes
from creditlib.testing import LAWS, assert_close, random_arguments
from creditlib.testing.engine.declarations import declared
from creditlib.testing.engine.runner import run_law
from creditlib.testing.subject import subject_of
from creditlib.vocabulary.annotations import read, result_of, tensors_of

GOLDEN = Path(__file__).parent / "golden"
SEEDS = Path(__file__).parents[1] / "seeds"
RECIPES = {name: f for name, f in vars(recipes).items() if inspect.isfunction(f)}
FILES = sorted(GOLDEN.glob("*.npz"))


def parts(result):
    return result if isinstance(result, tuple) else (result,)


def owner(file):
    """The recipe whose golden numbers a file holds: the longest name that it starts with."""
    names = [name for name in RECIPES if file.stem == name or file.stem.startswith(f"{name}_")]
    return max(names, key=len, default=None)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_golden_numbers(file):
    data = np.load(file)
    recipe, preset = RECIPES[owner(file)], str(data["preset"])
    options = getattr(presets, preset) if preset else {}
    given = {key[3:]: torch.from_numpy(data[key]) for key in data if key.startswith("in_")}
    found = recipe(**given, **options)
    assert str(data["source"])
    assert_close(found, torch.from_numpy(data["out"]), str(data["tolerance"]))


def test_every_recipe_has_golden_numbers():
    """In this folder, or among those of the seed systems: a test of theirs calls it."""
    tests = [file.read_text() for file in SEEDS.glob("test_seed_*.py")]
    seeds = {name for name in RECIPES if any(f"recipes.{name}(" in text for text in tests)}
    assert set(map(owner, FILES)) <= set(RECIPES)
    assert set(RECIPES) <= {*map(owner, FILES), *seeds}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_documented_and_found_by_its_name(name):
    recipe = RECIPES[name]
    text = inspect.getdoc(recipe)
    assert all(part in text for part in ("Degenerate cases: ", "Source: ", ">>> "))
    kinds = {parameter.kind for parameter in inspect.signature(recipe).parameters.values()}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}
    assert result_of(recipe).kind
    options = [option.name for option in read(inspect.unwrap(recipe))[1]]
    assert set(inspect.signature(recipe).parameters) == {*tensors_of(recipe), *options}
    assert cl.resolve(name) is recipe
    assert name not in cl.__all__


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_takes_small_batches(name):
    """No row, one row, no turn."""
    recipe = RECIPES[name]
    for sizes in ({"batch": 1}, {"batch": 2, "turns": 0}, {"batch": 12}):
        tensors = random_arguments(recipe, **sizes)
        for part in parts(recipe(**tensors)):
            assert torch.isfinite(part).all()
    empty = {key: x[:0] for key, x in random_arguments(recipe).items()}
    for part in parts(recipe(**empty)):
        assert len(part) == 0


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_keeps_the_laws(name, examples):
    recipe = subject_of(RECIPES[name], {})
    for law in LAWS.values():
        ours = law.applies(recipe) and law.name not in declared(recipe)
        if ours and law.tier != "property":  # a paper's method may lack a property
            verdict = run_law(law, recipe, **law_batches(max(examples // 2, law.minimum)))
            assert verdict.state in ("kept", "untried"), f"{law.name}: {verdict.sentence}"


def test_matchtir_by_hand():
    # One group, two turns each, gamma 1/2, weight 1/4 on the trajectory, eps 1e-6.
    # Sums 1 and 0: T = ±(1/2) / (1/√2 + eps) = ±z. Returns at turn 0 are 1 + 0/2 and 0: S = ±z; at
    # turn 1 both are 0: S = 0.
    credit = recipes.matchtir(
        turn_reward=torch.tensor([[1.0, 0.0], [0.0, 0.0]]),
        group=torch.tensor([0, 0]),
        turn_count=torch.tensor([2, 2]),
        trajectory_weight=0.25,
        gamma=0.5,
    )
    z = 0.5 / (0.5**0.5 + 1e-6)
    assert_close(credit, torch.tensor([[z, z / 4], [-z, -z / 4]]))
