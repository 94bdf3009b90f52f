"""docs/recipes.md: whole methods of papers, by topic."""

from creditlib import recipes
from docs.print_pages.estimators import section
from docs.print_pages.functions import functions_of

HEAD = """# Recipes

Whole methods of papers, composed of the public functions of `creditlib.algebra`. A recipe is short:
read it, copy it, change it. `cl.recipes.NAME` is the function and `cl.resolve("NAME")` finds it. A
recipe becomes an estimator when a trainer ships the method or when it needs more than two options.

This page is printed from docstrings by `python -m docs.print_pages`."""


def page() -> str:
    """The whole page."""
    topics = {}
    for function in functions_of(recipes):
        topics.setdefault(function.folder.rpartition("/")[2], []).append(function)
    lines = [HEAD]
    for topic, functions in sorted(topics.items()):
        lines += ["", f"## {topic.capitalize()}"]
        for function in functions:
            differs = [f"- differs {function.differs}"] if function.differs else []
            lines += [*section(function), f"- source: {function.source}", *differs]
    return "\n".join(lines) + "\n"
