import ast
import os
from pathlib import Path

import pytest
import torch

import creditlib
from creditlib.testing import assert_close, tolerance
from creditlib.testing import tolerances as module

DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
PACKAGE = Path(creditlib.__file__).parent


@pytest.mark.parametrize("kind", module.TABLE)
def test_twice_the_tolerance_is_refused_and_half_of_it_passes(kind):
    dtype = kind if isinstance(kind, torch.dtype) else torch.float64
    relative, absolute = tolerance(kind)
    one = torch.tensor([1.0], dtype=torch.float64)
    gap = relative + absolute
    as_kind = None if isinstance(kind, torch.dtype) else kind
    assert_close((one + gap / 4).to(dtype), one, as_kind)
    with pytest.raises(AssertionError):
        assert_close((one + 4 * gap).to(dtype), one, as_kind)


@pytest.mark.parametrize("dtype", DTYPES)
def test_wrong_signs_nan_and_shapes_are_refused(dtype):
    x = torch.tensor([0.25, 0.5], dtype=dtype)
    for wrong in (-x, x * torch.nan, x[:1], torch.zeros(0, dtype=dtype)):
        with pytest.raises(AssertionError):
            assert_close(wrong, x)


def test_two_nans_are_not_close():
    nan = torch.tensor([torch.nan])
    with pytest.raises(AssertionError):
        assert_close(nan, nan)


def test_a_kind_without_a_row_is_refused():
    with pytest.raises(KeyError):
        tolerance("loose")


def test_no_tolerance_is_looser_than_the_table_says():
    """The table itself, so that loosening it shows up in two places."""
    expected = {
        torch.float64: (1e-9, 1e-9),
        torch.float32: (1e-6, 1e-6),
        torch.bfloat16: (1e-2, 1e-2),
        torch.float16: (2e-3, 2e-3),
        "golden": (1e-6, 1e-6),
        "golden, returns in float32": (2e-6, 2e-6),
        "golden, four decimals": (0.0, 5e-5),
        "exact expectation": (1e-9, 1e-9),
        "enumerated": (0.0, 1e-12),
        "law, float64": (1e-9, 1e-9),
        "law, float32": (1e-5, 1e-5),
        "law, half": (3e-2, 3e-2),
        "law, scale": (1e-3, 1e-3),
    }
    assert expected == module.TABLE


def test_nothing_in_the_environment_is_read():
    tree = ast.parse(Path(module.__file__).read_text())
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    modules = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert os.__name__ not in names | modules


WORDS = {"rtol", "atol", "rel", "abs_tol", "rel_tol", "decimal"}


def stray_tolerances(source):
    """Lines with a tolerance written as a number, and torch's own comparisons with theirs.

    0 is exactness. `pytest.approx` without one is allowed for plain numbers: 1e-6, as here.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in ("allclose", "isclose", "assert_allclose"):
            found.append(node.lineno)
        found += [
            node.lineno
            for keyword in node.keywords
            if keyword.arg in WORDS
            and isinstance(keyword.value, ast.Constant)
            and keyword.value.value != 0
        ]
    return found


def test_a_stray_tolerance_is_found():
    sources = ["torch.allclose(a, b)", "close(a, b, rtol=1e-2)", "approx(3, rel=1)"]
    assert [bool(stray_tolerances(source)) for source in sources] == [True] * 3
    assert not stray_tolerances("approx(3.0, rel=RELATIVE); approx(3.0); same(a, b, rtol=0)")


def test_no_tolerance_is_set_outside_the_table():
    files = [*PACKAGE.rglob("*.py"), *Path(__file__).parents[1].rglob("*.py")]
    found = {str(file): lines for file in files if (lines := stray_tolerances(file.read_text()))}
    assert found == {}
