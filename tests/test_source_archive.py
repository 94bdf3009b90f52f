"""What the source archive holds: the package and three pages, not every page of the same name."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_every_pattern_starts_at_the_root():
    """A pattern without a slash at its start matches in every folder, such as README.md."""
    tomllib = pytest.importorskip("tomllib", reason="new in Python 3.11")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    patterns = project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert "/creditlib" in patterns
    for pattern in patterns:
        assert pattern.startswith("/"), pattern
        assert (ROOT / pattern[1:]).exists(), pattern
