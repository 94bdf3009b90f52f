import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import providers

from creditlib.testing.steady import steady

PROGRAM = """
import creditlib.testing as t
print(t.check_estimator("rloo", laws=["order_does_not_matter"], examples=60).verdicts[0].examples)
"""


def drawn():
    values = []

    @settings(max_examples=60, derandomize=True, database=None)
    @given(st.integers())
    def draw(x):
        values.append(x)

    draw()
    return values


def test_what_hypothesis_knew_before_is_there_again_afterwards():
    before = providers.CONSTANTS_CACHE
    with steady():
        assert providers.CONSTANTS_CACHE is not before
        assert drawn() == drawn()
    assert providers.CONSTANTS_CACHE is before
    assert "_local_constants" in vars(providers.HypothesisProvider)


def test_constants_of_a_module_loaded_meanwhile_change_no_draw(tmp_path, monkeypatch):
    """A number that no other file holds is drawn by hypothesis, and not by us."""
    with steady():
        first = drawn()
    (tmp_path / "many_numbers.py").write_text(f"NUMBERS = {list(range(10**9, 10**9 + 400))}\n")
    monkeypatch.syspath_prepend(tmp_path)
    __import__("many_numbers")
    with steady():
        assert drawn() == first


def test_laws_write_no_files(tmp_path):
    """Hypothesis keeps a folder of its own where it is run; a run of laws needs none."""
    (tmp_path / "mine.py").write_text("NUMBER = 12345\n")
    program = f"import mine\n{PROGRAM}"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert run.stdout == "60\n"
    left = {path.name for path in Path(tmp_path).iterdir()} - {"__pycache__"}
    assert left == {"mine.py"}
