"""The command that installs an extra, for every sentence about a missing package."""

from __future__ import annotations

from pathlib import Path

__all__ = ["install_hint"]


def install_hint(extra: str) -> str:
    """The pip command for an extra; in a checkout it installs the checkout itself.

    >>> install_hint("cli").endswith("[cli]'")
    True
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / "pyproject.toml").is_file():
        return f"pip install 'creditlib[{extra}]'"
    target = "." if Path.cwd() == root else str(root)
    return f"pip install -e '{target}[{extra}]'"
