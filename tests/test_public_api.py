"""What is public is listed, documented and small, and importing it loads nothing extra."""

import ast
import doctest
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import creditlib as cl
from creditlib import estimators, layouts
from creditlib.annotations import tensors_of
from creditlib.names import public_functions

PACKAGE = Path(cl.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
FILE_LINES, FUNCTION_LINES, OPTIONS = 250, 60, 10
EXTRAS = ["triton", "numba", "hypothesis", "typer", "rich", "pyarrow", "textworld", "rapidfuzz"]
EXTRAS += ["scipy", "matplotlib", "tensordict"]


def public(module):
    """Names a module lists, and the functions among them."""
    things = {name: getattr(module, name) for name in module.__all__}
    return {name: thing for name, thing in things.items() if inspect.isfunction(thing)}


FUNCTIONS = {**public(cl), **{f"layouts.{name}": f for name, f in public(layouts).items()}}
FUNCTIONS["distributed.gathered"] = cl.distributed.gathered


def test_all_is_sorted_and_complete():
    """Everything the package's source imports or assigns at the top is public, and only that."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    imported = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(cl.__all__) == imported | {"__version__"}
    assert cl.__all__ == sorted(cl.__all__)
    assert all(hasattr(cl, name) for name in cl.__all__)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_lists_what_it_defines(path):
    """`__all__` leaves out no public function or class; its order and truth are ruff's to check.

    Not meant for importers: a script's `main`, and functions a decorator turns into commands or
    laws, which are found by name.
    """
    tree = ast.parse(path.read_text())
    if path.stem == "__main__" or (path.stem == "__init__" and len(tree.body) == 1):
        return
    lists = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    assert len(lists) == 1, "a module lists its public names once"
    listed = ast.literal_eval(lists[0])
    nodes = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    kinds = {"command", "law"}
    commands = {node.name for node in nodes if kinds & set(map(decorator, node.decorator_list))}
    names = {node.name for node in nodes if not node.name.startswith("_")}
    assert names - commands - {"main"} <= set(listed)


def decorator(node):
    """The last word of a decorator: command of @app.command(...)."""
    function = node.func if isinstance(node, ast.Call) else node
    return ast.unparse(function).split(".")[-1]


def test_subpackages_are_part_of_the_package():
    """What an estimator, shaper or weight package lists is an attribute of creditlib."""
    for name in ("estimators", "shaping", "weighting"):
        module = importlib.import_module(f"creditlib.{name}")
        assert set(module.__all__) <= set(cl.__all__)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_is_documented_by_a_number_that_runs(name):
    text = inspect.getdoc(FUNCTIONS[name])
    examples = doctest.DocTestParser().get_examples(text)
    assert text.splitlines()[0].endswith("."), "the first line is a sentence"
    assert examples, "an example runs"
    assert any(example.want for example in examples), "an example prints something"


@pytest.mark.parametrize("name", sorted(public_functions()))
def test_an_estimator_says_what_degenerates_and_where_it_is_from(name):
    text = inspect.getdoc(public_functions()[name])
    assert "\nDegenerate cases: " in text
    assert name not in estimators.__all__ or "\nSource: " in text


def code_lines(node):
    """Lines of a function without its docstring, blank lines and comments."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    if not body:
        return 0
    header = body[0].lineno - node.lineno
    if ast.get_docstring(node) is not None:
        header -= node.body[0].end_lineno - node.body[0].lineno + 1
    return header + body[-1].end_lineno - body[0].lineno + 1


def long_functions(source):
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    return [node.name for node in nodes if code_lines(node) > FUNCTION_LINES]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_and_its_functions_keep_the_budget(path):
    source = path.read_text()
    assert len(source.splitlines()) <= FILE_LINES
    assert long_functions(source) == []


def own_options(function):
    """Arguments besides tensors."""
    return set(inspect.signature(function).parameters) - set(tensors_of(function))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_keeps_the_budget_of_options(name):
    assert len(own_options(FUNCTIONS[name])) <= OPTIONS


def test_budgets_can_be_broken():
    lines = "".join(f"    x = {i}\n" for i in range(60))
    assert long_functions(f'def f():\n    """One.\n\n    Two.\n    """\n{lines}') == ["f"]
    assert long_functions(f'def f():\n    """One."""\n{lines}'.replace("    x = 0\n", "")) == []
    assert own_options(lambda reward, eps=1: 0) == {"reward", "eps"}


def loaded(program):
    """Top-level packages a fresh interpreter has loaded after a program."""
    code = f"{program}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize("module", ["creditlib", "creditlib.testing"])
def test_importing_creditlib_loads_no_extra(module):
    """Only what `import torch` loads by itself is there already."""
    assert (loaded(f"import {module}") - loaded("import torch")) & set(EXTRAS) == set()


def test_the_laws_are_loaded_when_they_are_asked_for():
    use = "from creditlib.testing import check_estimator"
    assert "hypothesis" in loaded(use) - loaded("import creditlib.testing")


def test_an_extra_that_is_loaded_is_seen():
    """The test above can fail."""
    assert "rapidfuzz" in loaded("import creditlib, rapidfuzz")
    use = "import creditlib as cl; cl.anchor_ids([['a']], similarity=0.9)"
    assert "rapidfuzz" in loaded(use) - loaded("import torch")
