"""creditlib/x/y.py has tests/x/test_y.py. A twin (`_numba`, `_triton`) shares its stem's file."""

from pathlib import Path

import creditlib

PACKAGE = Path(creditlib.__file__).parent
TESTS = Path(__file__).parent
TWINS = ("_numba", "_triton")


def expected(module):
    """The test file of a module, None for private ones, `__init__` and `__main__`."""
    stem = module.stem
    if stem.startswith("_"):
        return None
    for twin in TWINS:
        stem = stem.removesuffix(twin)
    return module.with_name(f"test_{stem}.py")


def missing(package, tests):
    modules = [path.relative_to(package) for path in sorted(package.rglob("*.py"))]
    wanted = dict.fromkeys(test for module in modules if (test := expected(module)))
    return [str(test) for test in wanted if not (tests / test).is_file()]


def without_tests(tests):
    files = sorted(tests.rglob("test_*.py"))
    return [str(path.relative_to(tests)) for path in files if "def test_" not in path.read_text()]


def test_every_module_has_its_test_file():
    assert missing(PACKAGE, TESTS) == []


def test_no_test_file_is_empty():
    assert without_tests(TESTS) == []


def test_a_missing_or_empty_test_file_is_caught(tmp_path):
    package, tests = tmp_path / "package", tmp_path / "tests"
    for name in ("a.py", "_b.py", "__init__.py", "x/c.py", "x/d.py", "x/d_numba.py", "e_triton.py"):
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tests / "x").mkdir(parents=True)
    (tests / "test_a.py").write_text("# soon\n")
    (tests / "x" / "test_d.py").write_text("def test_d(): ...\n")
    assert missing(package, tests) == ["test_e.py", "x/test_c.py"]
    assert without_tests(tests) == ["test_a.py"]
