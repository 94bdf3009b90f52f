"""Implementations are found by the folder of their reference and have its arguments."""

import ast
import importlib
import inspect
from pathlib import Path
from types import SimpleNamespace

import pytest

import creditlib.ops
from creditlib.ops import masks
from creditlib.ops.backend.lookup import FILES, implementation_of
from creditlib.ops.backend.operation import Operation
from creditlib.ops.returns import reference as returns
from creditlib.vocabulary.backends import INSTALLED

OPS = Path(creditlib.ops.__file__).parent
FOLDERS = sorted(path.parent for path in OPS.glob("*/reference.py"))
BESIDE = [
    (folder.name, backend)
    for folder in FOLDERS
    for backend, file in FILES.items()
    if (folder / f"{file}.py").is_file() and INSTALLED[backend]
]


def functions(path):
    """Public functions of a module; kernels and compiled loops have decorators."""
    tree = ast.parse(path.read_text())
    nodes = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {node.name for node in nodes if not node.decorator_list and node.name[0] != "_"}


def shared(folder, backend):
    """What the reference and the file of a backend both define."""
    return functions(OPS / folder / "reference.py") & functions(
        OPS / folder / f"{FILES[backend]}.py"
    )


@pytest.mark.parametrize(("folder", "backend"), BESIDE)
def test_an_implementation_has_the_arguments_of_its_reference(folder, backend):
    module = importlib.import_module(f"creditlib.ops.{folder}.reference")
    assert shared(folder, backend)
    for name in shared(folder, backend):
        reference = getattr(module, name)
        assert inspect.signature(implementation_of(reference, backend)).parameters.keys() == (
            inspect.signature(reference).parameters.keys()
        )


@pytest.mark.skipif(not INSTALLED["numba"], reason="numba is not installed")
def test_implementations_by_name():
    assert implementation_of(returns.gae, "numba").__module__ == "creditlib.ops.returns.numba_loops"
    assert implementation_of(masks.valid_rows, "numba") is masks.valid_rows
    assert implementation_of(returns.find_gaps, "numba") is returns.find_gaps


@pytest.mark.parametrize(("folder", "backend"), BESIDE)
def test_every_reference_with_an_implementation_is_declared_and_an_operator(folder, backend):
    """Or torch.compile would trace into the compiled loops and kernels."""
    package = importlib.import_module(f"creditlib.ops.{folder}")
    for name in shared(folder, backend):
        declared = getattr(package, name)
        assert isinstance(declared, Operation)
        assert declared.reference.__name__ == name
        # `dense` is traced as the reference: any numbers that tell groups apart will do. Turn maps
        # are traced too: adapters make them from the rows of a trainer before any graph.
        traced = name == "dense" or folder == "turn_maps"
        assert traced or backend in declared.operators


@pytest.mark.skipif(not INSTALLED["numba"], reason="numba is not installed")
def test_loops_are_compiled_where_no_file_may_be_written(monkeypatch):
    from creditlib.ops.backend import numba_compile

    asked, njit = [], numba_compile.numba.njit

    def read_only(**options):
        asked.append(options)
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return njit(**options)

    monkeypatch.setattr(numba_compile, "numba", SimpleNamespace(njit=read_only))
    assert numba_compile.compiled(lambda x: 2 * x, fastmath=True)(3) == 6
    assert asked == [
        {"cache": True, "nogil": True, "fastmath": True},
        {"nogil": True, "fastmath": True},
    ]
