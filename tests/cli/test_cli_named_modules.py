import sys
from pathlib import Path

import pytest

from creditlib.cli.named_modules import import_named, last_on_path

MINE = "import sys\nPATH = list(sys.path)\ndef mine(): ...\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, which is not on the path."""
    (tmp_path / "a_module_of_mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.delitem(sys.modules, "a_module_of_mine", raising=False)
    return tmp_path


def test_a_folder_is_last_and_gone_afterwards():
    before = list(sys.path)
    with last_on_path(Path("/no/such/folder")):
        inside = list(sys.path)
    after = list(sys.path)
    sys.path[:] = before
    assert (inside, after) == ([*before, "/no/such/folder"], before)


def test_the_folder_is_last_for_the_import_and_gone_afterwards(folder):
    before = list(sys.path)
    import_named("check", "function", "a_module_of_mine:mine")
    seen = sys.modules["a_module_of_mine"].PATH
    assert seen == [*before, str(Path.cwd())]
    assert sys.path == before


def test_a_failing_import_takes_the_folder_off_too(folder, refusal):
    (folder / "it_fails.py").write_text("import sys\nsys.path.remove(sys.path[-1])\n1 / 0\n")
    before = list(sys.path)
    assert refusal(import_named, "explain", "--estimator", "it_fails:f") == (
        "explain: `--estimator` must be an import path that loads, got 'it_fails:f' "
        "(ZeroDivisionError: division by zero)."
    )
    assert sys.path == before


def test_a_folder_that_the_user_put_on_the_path_keeps_its_place(folder, monkeypatch):
    path = [str(folder), *sys.path]
    monkeypatch.setattr(sys, "path", path)
    with last_on_path(folder):
        assert sys.path[0] == str(folder)
        assert sys.path.count(str(folder)) == 1
    assert sys.path[0] == str(folder)


def test_a_module_that_is_nowhere_says_where_it_was_looked_for(folder, refusal):
    assert refusal(import_named, "check", "function", "no_such.credit:f") == (
        "check: `function` must be an import path that loads, got 'no_such.credit:f' "
        "(ModuleNotFoundError: No module named 'no_such'); it was looked for among the installed "
        f"packages and in {Path.cwd()}."
    )


def test_a_module_that_lacks_another_module_names_that_one(folder, refusal):
    (folder / "it_lacks.py").write_text("import no_such_thing_at_all\n")
    assert refusal(import_named, "check", "function", "it_lacks:f") == (
        "check: `function` must be an import path that loads, got 'it_lacks:f' "
        "(ModuleNotFoundError: No module named 'no_such_thing_at_all')."
    )


def test_an_installed_module_comes_first_and_the_sentence_says_so(folder, refusal):
    (folder / "json.py").write_text("raise AssertionError\n")
    import_named("check", "function", "json:dumps")
    sentence = refusal(import_named, "check", "function", "json:my_credit")
    assert sentence.startswith("check: `function` must be an import path that loads, got ")
    assert sentence.endswith(
        "has no my_credit; rename json.py, because an installed module of the same name comes "
        "first."
    )


def test_what_names_no_module_is_left_to_others(folder):
    before = set(sys.modules)
    import_named("explain", "--format", "auto", "grpo", ":f", "json:no_such")
    assert set(sys.modules) == before
