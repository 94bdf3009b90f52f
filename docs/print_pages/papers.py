"""docs/papers.md: whose method a function is, and where it departs from published code."""

from docs.print_pages.functions import Function, all_functions, table

HEAD = """# Papers

One row for each public function: the paper it is from, the presets that give the numbers of the
authors or of a trainer, the tests, and how it differs from published code. The formula in the
docstring is the definition.

- *by hand*: the test file of the function, with a case that is worked on paper.
- *core*: [worked cases and a float64 reference](../tests/test_golden_core.py).
- *official*: [outputs of published code](../tests/test_golden_official.py) on ragged batches.
- *golden*: recorded outputs of a recipe.

A preset is a set of options: `cl.grpo(..., **cl.presets.TRL_GRPO)`. What trainers call GRPO, and
what of published code is not reproduced: [Conventions of trainers](trainer_conventions.md).

This page is printed from docstrings by `python -m docs.print_pages`."""


def row(function: Function) -> list[str]:
    """The five cells of a function."""
    tests = [f"[{word}](../{path})" for word, path in function.tests.items()]
    return [
        f"`{function.name}`",
        function.source or "–",
        ", ".join(f"`{name}`" for name in function.presets) or "–",
        ", ".join(tests) or "–",
        function.differs or "–",
    ]


def page() -> str:
    """The whole page."""
    lines = [HEAD]
    for heading, functions in all_functions().items():
        header = ["function", "paper", "presets", "tests", "differs"]
        lines += ["", f"## {heading}", "", *table(header, [row(each) for each in functions])]
    return "\n".join(lines) + "\n"
