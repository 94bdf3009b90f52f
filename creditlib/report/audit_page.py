"""An audit as a page: Markdown, or one HTML file that asks for nothing else."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

from creditlib.audit.result import Audit
from creditlib.report.audit_figures import (
    CAPTIONS,
    as_png,
    as_svg,
    figures,
    need_matplotlib,
    one_picture,
)
from creditlib.report.audit_sentences import general_sentences, task_sentences
from creditlib.report.audit_standing import HEADINGS, cells, standings
from creditlib.report.audit_table import NOTE
from creditlib.vocabulary.messages import contract_error, one_line

__all__ = ["SUFFIXES", "as_html", "as_markdown", "check_file", "write_page"]

SUFFIXES = (".html", ".md", ".png")
_EXACT = ("task", "group of", "cosine", "scale", "largest error")
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; color: #222;
       padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: left; padding: .25rem .7rem; border-bottom: 1px solid #ddd; }
tr.own { font-weight: 600; } td.biased { color: #b00020; }
figure { margin: 1.5rem 0; } figure svg, figure img { max-width: 100%; height: auto; }
figcaption, .note { color: #555; font-size: 13px; }
"""


def check_file(file: Path, function: str = "audit", argument: str = "-o") -> None:
    """Refuse a file that no page can be written to, before the work is done.

    Errors: an unknown suffix; a folder that does not exist; matplotlib is missing, unless the page
    is Markdown.
    """
    if file.suffix not in SUFFIXES:
        wanted = f"a file with one of the suffixes {', '.join(SUFFIXES)}"
        raise contract_error(function, argument, wanted, repr(str(file)))
    if file.is_dir() or not file.parent.is_dir():
        fact = f"{str(file)!r}, which is a folder" if file.is_dir() else repr(str(file))
        raise contract_error(function, argument, "a file in a folder that exists", fact)
    if file.suffix != ".md":
        need_matplotlib(function)


def write_page(audit: Audit, file: Path) -> None:
    """Write an audit to a file, by its suffix; a file that is there is replaced."""
    check_file(file)
    if file.suffix == ".png":
        one_picture(audit, file)
    else:
        text = as_markdown(audit) if file.suffix == ".md" else as_html(audit)
        file.write_text(text, encoding="utf-8")


def as_markdown(audit: Audit) -> str:
    """The table, the sentences, the exact rows and how the audit was made, without pictures."""
    lines = [f"# What {_plain(audit.estimator)} is worth", ""]
    lines += _markdown_table(HEADINGS, [cells(each) for each in standings(audit)])
    lines += ["", NOTE, "", "## Task by task", ""]
    lines += [f"- **{_plain(task)}**: {_plain(text)}" for task, text in task_sentences(audit)]
    lines += ["", "## Expected gradient over all groups", ""]
    lines += _markdown_table(_EXACT, _exact_cells(audit))
    lines += ["", *(f"- {_plain(each)}" for each in _made(audit)), ""]
    return "\n".join(lines)


def _markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    written = [headings, ["---"] * len(headings), *rows]
    return [f"| {' | '.join(_plain(cell) for cell in row)} |" for row in written]


def _plain(text: str) -> str:
    """A text that Markdown shows as it is, in one line."""
    return one_line(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _exact_cells(audit: Audit) -> list[list[str]]:
    return [
        [
            row.task,
            str(row.n),
            "–" if row.cosine is None else f"{row.cosine:.4f}",
            f"{row.scale:.4f}",
            f"{row.max_error:.1e}",
        ]
        for row in audit.own.exact
    ]


def _made(audit: Audit) -> list[str]:
    """How the audit was made: sizes, options, versions, tasks."""
    options = ", ".join(f"{name}={value}" for name, value in audit.options.items())
    versions = ", ".join(f"{name} {value}" for name, value in audit.versions.items())
    tasks = ", ".join(f"{name} {facts['digest']}" for name, facts in audit.tasks.items())
    found = [*general_sentences(audit), f"Options: {options or 'none'}.", f"Versions: {versions}."]
    return [*found, f"Tasks and the digests of their arrays: {tasks}."]


def as_html(audit: Audit) -> str:
    """One self-contained page: the table, the pictures and the sentences; it asks for no file."""
    title = f"What {audit.estimator} is worth"
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{_html(title)}</title>',
        f"<style>{_STYLE}</style></head><body>",
        f"<h1>{_html(title)}</h1>",
        _standing_table(audit),
        f'<p class="note">{_html(NOTE)}</p>',
        "<h2>Task by task</h2><ul>",
        *(f"<li><b>{_html(t)}</b>: {_html(text)}</li>" for t, text in task_sentences(audit)),
        "</ul>",
        *_pictures(audit),
        "<h2>Expected gradient over all groups</h2>",
        _html_table(_EXACT, _exact_cells(audit)),
        '<ul class="note">',
        *(f"<li>{_html(each)}</li>" for each in _made(audit)),
        "</ul></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _html(text: str) -> str:
    return escape(one_line(text))


def _standing_table(audit: Audit) -> str:
    rows = [f"<tr>{''.join(f'<th>{_html(each)}</th>' for each in HEADINGS)}</tr>"]
    for standing in standings(audit):
        own = ' class="own"' if standing.audited else ""
        texts = [_html(each) for each in cells(standing)]
        biased = {3: ' class="biased"'} if standing.biased else {}
        each = "".join(f"<td{biased.get(i, '')}>{text}</td>" for i, text in enumerate(texts))
        rows.append(f"<tr{own}>{each}</tr>")
    return f"<table>{''.join(rows)}</table>"


def _html_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{_html(each)}</th>" for each in headings)
    body = "".join(f"<tr>{''.join(f'<td>{_html(x)}</td>' for x in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _pictures(audit: Audit) -> list[str]:
    """The pictures as parts of the page; the heat map as PNG, since it has a cell a number."""
    found: list[str] = []
    for name, figure in figures(audit).items():
        caption = _html(CAPTIONS[name])
        if name == "credit":
            data = base64.b64encode(as_png(figure)).decode()
            picture = f'<img alt="{caption}" src="data:image/png;base64,{data}">'
        else:
            picture = as_svg(figure)
        found.append(f"<figure>{picture}<figcaption>{caption}</figcaption></figure>")
    return found
