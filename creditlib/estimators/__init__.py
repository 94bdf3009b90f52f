"""One file for each method: rewards to credit per trajectory, per turn or per token."""

import inspect
from typing import TYPE_CHECKING

from creditlib.estimators.token.branch_credit import branch_credit as branch_credit
from creditlib.estimators.token.discounted_return import discounted_return as discounted_return
from creditlib.estimators.token.distillation_credit import (
    distillation_credit as distillation_credit,
)
from creditlib.estimators.token.gae import gae as gae
from creditlib.estimators.token.otb import otb as otb
from creditlib.estimators.token.reinforce_plus_plus import (
    reinforce_plus_plus as reinforce_plus_plus,
)
from creditlib.estimators.token.two_level_gae import two_level_gae as two_level_gae
from creditlib.estimators.trajectory.edge_credit import edge_credit as edge_credit
from creditlib.estimators.trajectory.gdpo import gdpo as gdpo
from creditlib.estimators.trajectory.gpg import gpg as gpg
from creditlib.estimators.trajectory.grpo import grpo as grpo
from creditlib.estimators.trajectory.maxrl import maxrl as maxrl
from creditlib.estimators.trajectory.opo import opo as opo
from creditlib.estimators.trajectory.pass_at_k import pass_at_k as pass_at_k
from creditlib.estimators.trajectory.reinforce_plus_plus_baseline import (
    reinforce_plus_plus_baseline as reinforce_plus_plus_baseline,
)
from creditlib.estimators.trajectory.remax import remax as remax
from creditlib.estimators.trajectory.rloo import rloo as rloo
from creditlib.estimators.turn.a2tgpo import a2tgpo as a2tgpo
from creditlib.estimators.turn.a2tgpo import a2tgpo_clip_scale as a2tgpo_clip_scale
from creditlib.estimators.turn.action_margin import action_margin as action_margin
from creditlib.estimators.turn.gigpo import gigpo as gigpo
from creditlib.estimators.turn.grpo_process import grpo_process as grpo_process
from creditlib.estimators.turn.hgpo import hgpo as hgpo
from creditlib.estimators.turn.hierarchical_gae import hierarchical_gae as hierarchical_gae
from creditlib.estimators.turn.igpo import igpo as igpo
from creditlib.estimators.turn.information_gain import information_gain as information_gain
from creditlib.estimators.turn.min_returns import hard_min_returns as hard_min_returns
from creditlib.estimators.turn.min_returns import softmin_returns as softmin_returns
from creditlib.estimators.turn.min_returns import suffix_min_returns as suffix_min_returns
from creditlib.estimators.turn.pure import pure as pure
from creditlib.estimators.turn.tree_credit import tree_credit as tree_credit
from creditlib.estimators.turn.turn_gae import turn_gae as turn_gae
from creditlib.estimators.turn.v_trace import v_trace as v_trace

if not TYPE_CHECKING:  # a type checker reads the lines above
    __all__ = sorted(name for name, thing in vars().items() if inspect.isfunction(thing))
