"""What Triton 3.6 refuses in the source of a kernel and newer versions take.

It makes a tensor of everything that a helper returns, and there is no tensor of None.
"""

import ast
from pathlib import Path

import pytest

OPS = Path(__file__).parents[2] / "creditlib" / "ops"


def jitted(tree):
    """The functions that Triton compiles, by name."""
    return {
        each.name: each
        for each in ast.walk(tree)
        if isinstance(each, ast.FunctionDef)
        and any("jit" in ast.unparse(d) for d in each.decorator_list)
    }


def may_be_none(function):
    """The names that a function compares with None."""
    return {
        ast.unparse(each.left)
        for each in ast.walk(function)
        if isinstance(each, ast.Compare) and ast.unparse(each.comparators[0]) == "None"
    }


def returned(function):
    """The names that a function returns as they are, alone, in a tuple, or by choice."""
    found, waiting = set(), [x.value for x in ast.walk(function) if isinstance(x, ast.Return)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, ast.Tuple):
            waiting += value.elts
        elif isinstance(value, ast.IfExp):
            waiting += [value.body, value.orelse]
        elif value is not None:
            found.add(ast.unparse(value))
    return found


def faults(source, helpers=None):
    """Why Triton 3.6 would not compile the functions of a source; `helpers` may be called too."""
    own = jitted(ast.parse(source))
    helpers = {**(helpers or {}), **own}
    found = []
    for name, function in own.items():
        values = [x.value for x in ast.walk(function) if isinstance(x, ast.Return)]
        if "None" in returned(function) or (None in values and any(values)):
            found.append(f"{name} returns None")
        unsure = may_be_none(function)
        found += [f"{name} returns {x}" for x in sorted(returned(function) & unsure)]
        for call in (x for x in ast.walk(function) if isinstance(x, ast.Call)):
            helper = helpers.get(ast.unparse(call.func))
            if helper is None:
                continue
            names = [x.arg for x in helper.args.args]
            given = dict(zip(names, map(ast.unparse, call.args), strict=False))
            given |= {x.arg: ast.unparse(x.value) for x in call.keywords}
            passed = [x for x in names if given.get(x) in {*unsure, "None"}]
            back = set(passed) & returned(helper)
            found += [f"{name} gives {given[x]} to {helper.name}, which returns it" for x in back]
    return found


def test_no_helper_returns_none():
    sources = [path.read_text() for path in sorted(OPS.glob("*/triton_*.py"))]
    helpers = {k: v for source in sources for k, v in jitted(ast.parse(source)).items()}
    assert {"whole", "finish", "affine_scan", "cut"} <= helpers.keys()
    assert [fault for source in sources for fault in faults(source, helpers)] == []


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("def f(x):\n    return x + 1\n", []),
        ("def f(x):\n    if x is not None:\n        x += 1\n    return x\n", ["f returns x"]),
        ("def f(x):\n    return (1, None)\n", ["f returns None"]),
        ("def f(x):\n    if x > 0:\n        return\n    return 1\n", ["f returns None"]),
        ("def f(x):\n    if x > 0:\n        return\n", []),
        ("def f(x):\n    return 1 if x is None else x\n", ["f returns x"]),
        (
            "def f(x):\n    return x\n\n\n"
            "@triton.jit\ndef g(y):\n    if y is None:\n        f(y)\n",
            ["g gives y to f, which returns it"],
        ),
    ],
)
def test_a_helper_that_may_return_none_is_found(source, fault):
    assert faults("@triton.jit\n" + source) == fault
