"""Whole methods of papers, composed of the algebra: one file for each, in a folder by topic.

`creditlib.recipes.NAME` is the function, and `creditlib.resolve("NAME")` finds it. A recipe is
short and calls public functions only. `docs/recipes.md` is printed from the docstrings.
"""

from creditlib.recipes.agents.dr_mas import dr_mas as dr_mas
from creditlib.recipes.tokens.bi_level_gae import bi_level_gae as bi_level_gae
from creditlib.recipes.tokens.multi_gae import multi_gae as multi_gae
from creditlib.recipes.trajectories.campo import campo as campo
from creditlib.recipes.trajectories.gtalign import gtalign as gtalign
from creditlib.recipes.trajectories.hypereyes import hypereyes as hypereyes
from creditlib.recipes.trajectories.r3l import r3l as r3l
from creditlib.recipes.trajectories.tree_grpo import tree_grpo as tree_grpo
from creditlib.recipes.turns.a3 import a3 as a3
from creditlib.recipes.turns.at2po import at2po as at2po
from creditlib.recipes.turns.fgrpo import fgrpo as fgrpo
from creditlib.recipes.turns.hiper import hiper as hiper
from creditlib.recipes.turns.istar import istar as istar
from creditlib.recipes.turns.matchtir import matchtir as matchtir
from creditlib.recipes.turns.mica import mica as mica
from creditlib.recipes.turns.mt_grpo import mt_grpo as mt_grpo
from creditlib.recipes.turns.scrl import scrl as scrl
from creditlib.recipes.turns.siop import siop as siop
from creditlib.recipes.turns.sotopia import sotopia as sotopia
from creditlib.recipes.turns.spa_rl import spa_rl as spa_rl
from creditlib.recipes.turns.vpr import vpr as vpr
from creditlib.recipes.weights.a_grae import a_grae as a_grae
from creditlib.recipes.weights.adora import adora as adora
from creditlib.recipes.weights.aem import aem as aem
from creditlib.recipes.weights.habc import habc_weight as habc_weight
