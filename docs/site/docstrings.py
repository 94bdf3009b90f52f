"""A docstring as Markdown: its paragraphs, formulas, examples and sections under headings."""

import re
import textwrap
from collections.abc import Callable
from typing import NamedTuple

from docs.site import formula

SECTION = re.compile(r"([A-Z][\w ]+):(?:\n|$)")
TITLED = re.compile(r"(Degenerate cases|Special cases|Source|Errors): *")
ENTRY = re.compile(r"^    (?=\S)", re.MULTILINE)
CODE = re.compile(r"(`[^`]*`)")
# A name with an underscore, an option with its value, a tensor by dtype and axes.
IDENTIFIER = re.compile(
    r"""(\b[a-z]\w*=(?:"[^"]*"|'[^']*'|[\w.]+\b)|\b[a-z]\w*_\w+|\b(?:float|int|bool)\[[^\]]*\])"""
)
MARKUP = re.compile(r"([*_<\[\]$|\\])")
ARXIV = re.compile(r"arXiv:\s*(\d{4}\.\d{4,5})")
# The order of the parts of a page; what has no heading stands before them.
ORDER = ["", "Example", "Degenerate cases", "Special cases", "Returns", "Errors", "Raises"]
ORDER += ["Laws that it breaks by design", "Source"]
HEADINGS = {"Breaks by design": "Laws that it breaks by design", "Raises": "Errors"}


class Part(NamedTuple):
    """A piece of a docstring: Markdown, and the heading that it stands under ("" for none)."""

    heading: str
    text: str


def parts_of(text: str, names: set[str], link: Callable[[str], str]) -> list[Part]:
    """The pieces of a docstring in order. `link` turns a name in backticks into a link."""
    found: list[Part] = []
    for block in blocks(text):
        lines = block.split("\n")
        if lines[0].startswith(">>> "):
            found.append(Part("Example", f"```python\n{block}\n```"))
        elif all(line.startswith("    ") for line in lines):
            shown = formula.block(textwrap.dedent(block), names)
            found.append(Part("", "```{raw} html\n" + shown + "\n```"))
        elif SECTION.match(block) and all(line.startswith("    ") for line in lines[1:]):
            title = block.partition(":\n")[0]
            found.append(Part(HEADINGS.get(title, title), entries(block, link)))
        else:
            titled = TITLED.match(block)
            heading = titled[1] if titled else ""
            body = block[titled.end() :] if titled else block
            found.append(Part(heading, prose(capitalized(body) if titled else body, link)))
    return merged(found)


def blocks(text: str) -> list[str]:
    """What blank lines separate; a formula directly below a sentence is a block of its own."""
    found: list[str] = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        for line in block.split("\n"):
            inside = bool(found) and found[-1] is not None and found[-1] != ""
            if inside and starts_anew(found[-1], line):
                found.append(line)
            elif inside:
                found[-1] += "\n" + line
            else:
                found.append(line)
        found.append("")
    return [block for block in found if block.strip()]


def starts_anew(block: str, line: str) -> bool:
    """Whether a line below a block is no part of it: a formula below a sentence, or the reverse."""
    if block.startswith(">>> ") or SECTION.match(block.partition("\n")[0] + "\n"):
        return False
    return block.startswith("    ") != line.startswith("    ") and not block.startswith("- ")


def merged(parts: list[Part]) -> list[Part]:
    """The parts in the order of a page, those under one heading joined."""
    headings = list(dict.fromkeys(part.heading for part in parts))
    known = [heading for heading in ORDER if heading in headings]
    order = known + [heading for heading in headings if heading not in known]
    return [
        Part(heading, "\n\n".join(part.text for part in parts if part.heading == heading))
        for heading in order
    ]


def entries(block: str, link: Callable[[str], str]) -> str:
    """The entries of a section as a list."""
    body = ENTRY.split(block.partition("\n")[2])[1:]
    lines = [prose(" ".join(entry.split()), link) for entry in body]
    return "\n".join(f"- {line}" for line in lines) if len(lines) > 1 else "".join(lines)


def capitalized(text: str) -> str:
    """The text with a capital at its start, unless a name of the code stands there."""
    word = re.match(r"[\w.]+", text)
    plain = word is not None and "_" not in word[0] and not text[word.end() :].startswith("=")
    return text[:1].upper() + text[1:] if plain else text


def prose(text: str, link: Callable[[str], str]) -> str:
    """A paragraph as Markdown: its letters are not markup, its names and papers are links."""
    parts = CODE.split(text)
    shown = [link(part[1:-1]) if index % 2 else escaped(part) for index, part in enumerate(parts)]
    return "".join(shown)


def escaped(text: str) -> str:
    """Plain text that Markdown shows as it is: names and shapes as code, papers as links."""
    parts = IDENTIFIER.split(text)
    shown = [
        f"`{part}`" if index % 2 else MARKUP.sub(r"\\\1", part) for index, part in enumerate(parts)
    ]
    return ARXIV.sub(r"[arXiv:\1](https://arxiv.org/abs/\1)", "".join(shown))
