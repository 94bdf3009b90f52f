"""Tests mirror the package: creditlib/inputs/ids.py is tested in tests/inputs/test_ids.py.

The files of an operation share the folder tests/ops/OPERATION/, those of a trainer the files
tests/integrations/test_*TRAINER*.py. All words of the vocabulary share one test, and so do recipes.
Where a plain name is taken, words stand in front of it: tests/rows/test_row_padding.py tests
rows/padding.py. No two test files have one name: pytest would take them for one module.
"""

from collections import Counter
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "creditlib"
TESTS = Path(__file__).parent


def is_tested(module, tests):
    """Whether a module, given by its path below the package, has its test file."""
    folder, *inner = module.parts[:-1] or ("",)
    if module.stem.startswith("_") or folder == "recipes":
        return True
    if folder == "ops" and inner:
        return any((tests / module.parent).glob("test_*.py"))
    shares = folder in ("integrations", "vocabulary") and inner
    if shares and any((tests / folder).glob(f"test_*{inner[0]}*.py")):
        return True
    found = (tests / folder).rglob("test_*.py") if folder else tests.glob("test_*.py")
    return any(path.stem.endswith(f"_{module.stem}") for path in found)


def missing(package, tests):
    """The modules that have no test file."""
    files = (path.relative_to(package) for path in sorted(package.rglob("*.py")))
    return [str(path) for path in files if not is_tested(path, tests)]


def without_tests(tests):
    files = sorted(tests.rglob("test_*.py"))
    return [str(path.relative_to(tests)) for path in files if "def test_" not in path.read_text()]


def shared_names(tests):
    """Names that two files have; a folder that is a package keeps its names to itself."""
    shared = {"conftest.py", "__init__.py"}
    names = Counter(path.name for path in tests.rglob("*.py") if path.name not in shared)
    return sorted(name for name, count in names.items() if count > 1)


def test_every_module_has_its_test_file():
    assert missing(PACKAGE, TESTS) == []


def test_no_test_file_is_empty():
    assert without_tests(TESTS) == []


def test_no_two_test_files_share_a_name():
    assert shared_names(TESTS) == []


def test_a_missing_empty_or_doubled_test_file_is_caught(tmp_path):
    package, tests = tmp_path / "package", tmp_path / "tests"
    modules = ("a.py", "b.py", "_c.py", "__init__.py", "x/d.py", "x/y/e.py", "x/f.py")
    for name in (*modules, "ops/scan/reference.py", "ops/scan/numba_loops.py", "ops/sum/loops.py"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).touch()
    for name in ("test_a.py", "x/test_d.py", "x/y/test_x_e.py", "ops/scan/test_scan.py"):
        (tests / name).parent.mkdir(parents=True, exist_ok=True)
        (tests / name).write_text("def test_it(): ...\n")
    (tests / "ops" / "test_b.py").write_text("# soon\n")
    (tests / "x" / "test_a.py").write_text("def test_it(): ...\n")
    assert missing(package, tests) == ["b.py", "ops/sum/loops.py", "x/f.py"]
    assert without_tests(tests) == ["ops/test_b.py"]
    assert shared_names(tests) == ["test_a.py"]
