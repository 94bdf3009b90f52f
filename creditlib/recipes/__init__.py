"""Whole methods of papers, composed of the algebra: one file for each, in a folder by topic.

`creditlib.recipes.NAME` is the function, and `creditlib.resolve("NAME")` finds it. A recipe is
short and calls public functions only. `docs/recipes.md` is printed from the docstrings.
"""

from creditlib.recipes.turns.matchtir import matchtir as matchtir
