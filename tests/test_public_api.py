"""What is public is listed and documented, and importing it loads nothing that is optional."""

import ast
import doctest
import functools
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import creditlib as cl
from creditlib import algebra, estimators, recipes
from creditlib.inputs import layouts
from creditlib.registry import public_functions
from creditlib.vocabulary.annotations import options_of, result_of, tensors_of

PACKAGE = Path(cl.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
EXTRAS = ["triton", "numba", "hypothesis", "typer", "rich", "pyarrow", "textworld", "rapidfuzz"]
EXTRAS += ["scipy", "matplotlib", "tensordict", "ray"]
# Decorators whose functions are found by other means than `__all__`.
REGISTERED = {"callback", "command", "jit", "law"}


def public(module):
    """The functions among the names that a module lists."""
    things = {name: getattr(module, name) for name in module.__all__}
    return {name: thing for name, thing in things.items() if inspect.isfunction(thing)}


FUNCTIONS = {**public(cl), **{f"layouts.{name}": f for name, f in public(layouts).items()}}
FUNCTIONS |= {f"algebra.{name}": f for name, f in public(algebra).items()}
FUNCTIONS |= {f"recipes.{name}": f for name, f in vars(recipes).items() if inspect.isfunction(f)}
FUNCTIONS["distributed.gathered"] = cl.distributed.gathered
FUNCTIONS["streaming.role_baseline"] = cl.streaming.role_baseline


def test_all_is_sorted_and_complete():
    """Everything that the package imports under its own name is public, and only that."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    imported = {
        alias.asname
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname and not (alias.asname.startswith("_") and alias.name != alias.asname)
    }
    parts = [importlib.import_module(f"creditlib.{name}") for name in ("shaping", "weighting")]
    assert set(cl.__all__) == imported.union(estimators.__all__, *(part.__all__ for part in parts))
    assert cl.__all__ == sorted(cl.__all__)
    assert all(hasattr(cl, name) for name in cl.__all__)


def literal_list(tree):
    """What `__all__` is at the top of a module, None if the module has none or computes it."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return None


def decorator(node):
    """The last word of a decorator: command of @app.command(...)."""
    function = node.func if isinstance(node, ast.Call) else node
    return ast.unparse(function).split(".")[-1]


def unlisted(source):
    """Public functions and classes that a module defines and its `__all__` leaves out."""
    tree = ast.parse(source)
    listed = literal_list(tree)
    if listed is None:
        return set()
    nodes = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    names = {
        node.name
        for node in nodes
        if not REGISTERED & set(map(decorator, node.decorator_list))
        and not node.name.startswith("_")
    }
    return names - {"main"} - set(listed)


def test_a_module_lists_what_it_defines():
    found = {str(path.relative_to(PACKAGE)): unlisted(path.read_text()) for path in FILES}
    assert {path: names for path, names in found.items() if names} == {}


def test_an_unlisted_name_is_caught():
    body = "def f(): ...\ndef _g(): ...\n@app.command()\ndef h(): ...\nclass C: ...\n"
    assert unlisted(f'__all__ = ["f"]\n{body}') == {"C"}
    assert unlisted(body) == set()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_is_documented_by_a_number_that_runs(name):
    text = inspect.getdoc(FUNCTIONS[name])
    examples = doctest.DocTestParser().get_examples(text)
    assert text.splitlines()[0].endswith("."), "the first line is a sentence"
    assert examples, "an example runs"
    assert any(example.want for example in examples), "an example prints something"


@pytest.mark.parametrize("name", sorted(public_functions()))
def test_a_method_says_what_degenerates_and_where_it_is_from(name):
    text = inspect.getdoc(public_functions()[name])
    needs_source = name in estimators.__all__ or hasattr(recipes, name)
    assert "\nDegenerate cases: " in text
    assert not needs_source or "\nSource: " in text


# Layouts take any tensor, which no contract describes.
CHECKED = [
    name for name, f in FUNCTIONS.items() if tensors_of(f) and not name.startswith("layouts.")
]


@pytest.mark.parametrize("name", CHECKED)
def test_every_parameter_has_its_line_in_the_help(name):
    lines = [line.strip() for line in inspect.getdoc(FUNCTIONS[name]).splitlines()]
    parameters = set(inspect.signature(FUNCTIONS[name]).parameters)
    assert {
        each for each in parameters if not any(x.startswith(f"{each}: ") for x in lines)
    } == set()
    assert parameters >= set(options_of(FUNCTIONS[name]))
    assert "Raises:" in lines
    assert "Returns:" in lines or not result_of(FUNCTIONS[name]).contract


@functools.cache
def loaded(program):
    """Top-level packages a fresh interpreter has loaded after a program."""
    code = f"{program}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


PARTS = "import creditlib, creditlib.rows, creditlib.testing"


def test_importing_creditlib_loads_no_extra():
    """Only what `import torch` loads by itself is there already."""
    assert (loaded(PARTS) - loaded("import torch")) & set(EXTRAS) == set()


def test_the_laws_are_loaded_when_they_are_asked_for():
    use = "from creditlib.testing import check_estimator"
    assert "hypothesis" in loaded(use) - loaded(PARTS)


def test_an_extra_that_is_loaded_is_seen():
    """The test above can fail."""
    use = "import creditlib as cl; cl.anchor_ids([['a']], similarity=0.9)"
    assert "rapidfuzz" in loaded(use) - loaded("import torch")
