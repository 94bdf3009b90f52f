"""The parts of the page that are files, and what keeps data from becoming a part of it."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from typing import Any

from creditlib.report.page.texts import visible
from creditlib.vocabulary.install_hint import install_hint

__all__ = ["asset", "json_text", "policy", "template"]


def template() -> Any:
    """The page as a template of jinja2, which escapes every value."""
    try:
        from jinja2 import Environment, StrictUndefined
    except ModuleNotFoundError as error:
        text = f"report: the page needs jinja2: {install_hint('cli')}."
        raise ModuleNotFoundError(text, name=error.name) from None
    made = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    return made.from_string(asset("page.html.jinja"))


def _shown(value: Any) -> Any:
    """A text without hidden characters; what is marked as safe is a text of this package."""
    return visible(value) if type(value) is str else value


def asset(name: str) -> str:
    """The text of a file of this folder."""
    return files("creditlib.report.page").joinpath(name).read_text(encoding="utf-8")


def policy(style: str, script: str) -> str:
    """Nothing but the page's own style and script, known by their hashes, may run or be loaded."""
    allowed = "; ".join(
        f"{kind}-src 'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for kind, text in (("style", style), ("script", script))
    )
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def json_text(value: Any) -> str:
    """JSON that ends no script element, whatever its texts are."""
    text = json.dumps(value, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
