"""The example notebook runs.

Its cells are executed here, in order, in one namespace. A kernel would execute the same Python: the
notebook uses no magic. nbclient and ipykernel would bring 38 packages of 115 MB, and a second
process that imports torch again.
"""

import ast
import json
from pathlib import Path

import pytest

from creditlib.vocabulary.messages import one_line

pytest.importorskip("matplotlib")

NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebook.ipynb"
CONTENT = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
CODE = {
    cell["id"]: "".join(cell["source"]) for cell in CONTENT["cells"] if cell["cell_type"] == "code"
}


def run(source, namespace):
    """The value of the last expression of a cell, which a notebook shows."""
    body = ast.parse(source).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "cell", "exec"), namespace)
    return (
        None
        if last is None
        else eval(compile(ast.Expression(last.value), "cell", "eval"), namespace)
    )


def test_it_is_stored_without_outputs():
    assert (CONTENT["nbformat"], CONTENT["nbformat_minor"]) == (4, 5)
    for cell in CONTENT["cells"]:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
    assert len({cell["id"] for cell in CONTENT["cells"]}) == len(CONTENT["cells"])


def test_every_cell_runs_and_shows_what_the_text_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    shown = {name: run(source, namespace) for name, source in CODE.items()}
    assert "8 rows, 1 group, 75 turns" in shown["read"]._repr_html_()
    assert "groups: 1 with a signal" in one_line(shown["explain"]._repr_html_())
    assert shown["options"]._repr_html_() != shown["explain"]._repr_html_()
    assert shown["figure"]._repr_png_().startswith(b"\x89PNG")
    assert (tmp_path / "credit.pdf").read_bytes().startswith(b"%PDF")
    assert len(shown["write"]["gigpo"]) == 6  # the turns of the first trajectory
    assert sorted(path.name for path in tmp_path.iterdir()) == ["credit", "credit.pdf"]
