"""docs/decisions/README.md: the decisions with their titles."""

from docs.print_pages.functions import ROOT

HEAD = """# Decisions

Why things are as they are: the context of each decision, the choice, and what it costs.

This page is printed by `python -m docs.print_pages`.
"""


def page() -> str:
    """The whole page: a line for each decision."""
    lines = [HEAD]
    for file in sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md")):
        title = file.read_text().partition("\n")[0].removeprefix("# ").partition(". ")
        lines.append(f"- {int(title[0])}: [{title[2]}]({file.name})")
    return "\n".join(lines) + "\n"
