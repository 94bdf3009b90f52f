"""The table of functions in README.md, between two comments."""

from docs.print_pages.functions import ROOT, Function, all_functions, table

START, END = "<!-- printed by python -m docs.print_pages -->", "<!-- end of the printed part -->"


def entry(function: Function) -> str:
    """The function's name, with a link to its first paper."""
    name = f"`{function.name}`"
    return f"[{name}](https://arxiv.org/abs/{function.arxiv[0]})" if function.arxiv else name


def part() -> list[str]:
    """The table: one row for each kind of function."""
    rows = [
        [heading.lower(), ", ".join(map(entry, functions))]
        for heading, functions in all_functions().items()
    ]
    return table(["", "functions; the links lead to the papers"], rows)


def page() -> str:
    """README.md with the printed part in its place."""
    text = (ROOT / "README.md").read_text()
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return "\n".join([before + START, "", *part(), "", END + after])
