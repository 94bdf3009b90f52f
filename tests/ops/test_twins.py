"""Twins are found by name, have the arguments of their reference, and are loaded when asked for."""

import ast
import inspect
from pathlib import Path

import pytest

import creditlib.ops
from creditlib.ops import library, masks, returns
from creditlib.ops.twins import INSTALLED, twin

OPS = Path(creditlib.ops.__file__).parent
FILES = [path for name in ("numba", "triton") for path in sorted(OPS.glob(f"*_{name}.py"))]


def functions(path):
    """Public functions of a module without their decorators' kin: kernels have decorators."""
    tree = ast.parse(path.read_text())
    nodes = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {node.name for node in nodes if not node.decorator_list and node.name[0] != "_"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_twin_has_the_arguments_of_its_reference(path):
    stem, backend = path.stem.rsplit("_", 1)
    reference_file = OPS / f"{stem}.py"
    if not reference_file.is_file() or not INSTALLED[backend]:
        pytest.skip("shared by kernels" if INSTALLED[backend] else "not installed")
    module = __import__(f"creditlib.ops.{stem}", fromlist=["x"])
    for name in functions(path) & functions(reference_file):
        reference = getattr(module, name)
        assert inspect.signature(twin(reference, backend)).parameters.keys() == (
            inspect.signature(reference).parameters.keys()
        )


@pytest.mark.skipif(not INSTALLED["numba"], reason="numba is not installed")
def test_twins_by_name():
    assert twin(returns.gae, "numba").__module__ == "creditlib.ops.returns_numba"
    assert twin(masks.taken, "numba") is masks.taken
    assert twin(returns.find_gaps, "numba") is returns.find_gaps


def test_every_reference_with_a_twin_is_an_operator_too():
    """Or torch.compile would trace into the compiled loops and kernels."""
    for path in FILES:
        stem, backend = path.stem.rsplit("_", 1)
        if (OPS / f"{stem}.py").is_file() and INSTALLED[backend]:
            # `dense` is traced as the reference: any numbers that tell groups apart will do.
            names = (functions(path) & functions(OPS / f"{stem}.py")) - {"dense"}
            assert {(name, backend) for name in names} <= library.OPERATORS.keys(), path.name


@pytest.mark.skipif(not INSTALLED["numba"], reason="numba is not installed")
def test_where_nothing_may_be_written_loops_are_compiled_all_the_same(monkeypatch):
    from creditlib.ops import _compiled_numba

    asked, njit = [], _compiled_numba.numba.njit

    def read_only(**options):
        asked.append(options)
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return njit(**options)

    monkeypatch.setattr(_compiled_numba.numba, "njit", read_only)
    assert _compiled_numba.compiled(lambda x: 2 * x, fastmath=True)(3) == 6
    assert asked == [
        {"cache": True, "nogil": True, "fastmath": True},
        {"nogil": True, "fastmath": True},
    ]
