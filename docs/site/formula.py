"""Formulas of docstrings as typeset HTML: subscripts, powers and roots instead of brackets."""

import html
import re

WORD = re.compile(r"\d[\d.]*(?:e-?\d+)?|[^\W\d_ΣΠ](?:\w*[^\W_])?")
ARTICLE = re.compile(r"a [a-z]{2}")
OPENING = {"(": ")", "[": "]", "{": "}"}


def rendered(formula: str, names: set[str]) -> str:
    """The formula as HTML. `names` are the words that are arguments; single letters are variables.

    >>> rendered("A[i,k] = Σ_j gamma^(j−k) · z[i]", {"gamma"})
    '<var>A</var><sub><var>i</var>,<var>k</var></sub> = Σ<sub><var>j</var></sub> \
<b>gamma</b><sup><var>j</var>−<var>k</var></sup> · <var>z</var><sub><var>i</var></sub>'
    >>> rendered("sqrt(n) < 2", set())
    '√<span class="root"><var>n</var></span> &lt; 2'
    """
    parts, at = [], 0
    while at < len(formula):
        part, at = _next(formula, at, names)
        parts.append(part)
    return "".join(parts)


def block(formula: str, names: set[str]) -> str:
    """The formula as a block; a screen reader reads it as it stands in the docstring."""
    label = html.escape(" ".join(formula.split()), quote=True)
    return f'<div class="formula" role="math" aria-label="{label}">{rendered(formula, names)}</div>'


def _next(text: str, at: int, names: set[str]) -> tuple[str, int]:
    """The HTML of what stands at a place, and the place behind it."""
    if text.startswith("sqrt(", at):
        inner, end = _bracketed(text, at + 4)
        return f'√<span class="root">{rendered(inner.strip(), names)}</span>', end
    if text[at] == "^":
        return _script(text, at + 1, "sup", names)
    if text[at] == "_" or (text[at] == "[" and at and re.match(r"[\w)*]", text[at - 1])):
        return _script(text, at + (text[at] == "_"), "sub", names)
    word = WORD.match(text, at)
    if word is None:
        return html.escape(text[at], quote=False), at + 1
    name, end = word[0], word.end()
    if name not in names and re.fullmatch(r"(?:min|max|mean)_[a-z]", name):
        name, end = name[:-2], end - 2  # `min_j` is a minimum over j
    variable = len(name) == 1 and name.isalpha() and not ARTICLE.match(text, at)
    tag = "b" if name in names else "var" if variable else ""
    escaped = html.escape(name, quote=False)
    return (f"<{tag}>{escaped}</{tag}>" if tag else escaped), end


def _script(text: str, at: int, tag: str, names: set[str]) -> tuple[str, int]:
    """A subscript or power: what is in brackets, or the next word."""
    if at < len(text) and text[at] in OPENING:
        inner, end = _bracketed(text, at)
    else:
        word = re.compile(r"\w+|.").match(text, at)
        inner, end = (word[0], word.end()) if word else ("", at)
    return f"<{tag}>{rendered(inner, names)}</{tag}>", end


def _bracketed(text: str, at: int) -> tuple[str, int]:
    """What is inside the brackets that open at a place, and the place behind them."""
    close, depth = OPENING[text[at]], 0
    for end in range(at, len(text)):
        depth += (text[end] == text[at]) - (text[end] == close)
        if depth == 0:
            return text[at + 1 : end], end + 1
    return text[at + 1 :], len(text)
