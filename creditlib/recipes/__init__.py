"""Whole methods of papers, composed of the algebra: one file for each, in a folder by topic.

`creditlib.recipes.NAME` is the function, and `creditlib.resolve("NAME")` finds it. A recipe is
short and calls public functions only. `docs/recipes.md` is printed from the docstrings.
"""

from creditlib.recipes.tokens.multi_gae import multi_gae as multi_gae
from creditlib.recipes.trajectories.r3l import r3l as r3l
from creditlib.recipes.turns.a3 import a3 as a3
from creditlib.recipes.turns.fgrpo import fgrpo as fgrpo
from creditlib.recipes.turns.istar import istar as istar
from creditlib.recipes.turns.matchtir import matchtir as matchtir
from creditlib.recipes.turns.mica import mica as mica
from creditlib.recipes.turns.scrl import scrl as scrl
from creditlib.recipes.turns.siop import siop as siop
from creditlib.recipes.turns.vpr import vpr as vpr
