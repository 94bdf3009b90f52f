"""One file per paper: rewards to credit at the natural level of the method."""

from creditlib.estimators.a2tgpo import a2tgpo, a2tgpo_clip_scale
from creditlib.estimators.gae import gae
from creditlib.estimators.gdpo import gdpo
from creditlib.estimators.gigpo import gigpo
from creditlib.estimators.gpg import gpg
from creditlib.estimators.grpo import grpo, grpo_process
from creditlib.estimators.igpo import igpo
from creditlib.estimators.information_gain import information_gain
from creditlib.estimators.maxrl import maxrl
from creditlib.estimators.min_returns import (
    hard_min_returns,
    softmin_returns,
    suffix_min_returns,
)
from creditlib.estimators.opo import opo
from creditlib.estimators.pass_at_k import pass_at_k
from creditlib.estimators.pure import pure
from creditlib.estimators.reinforce import (
    discounted_return,
    reinforce_plus_plus,
    reinforce_plus_plus_baseline,
)
from creditlib.estimators.remax import remax
from creditlib.estimators.rloo import rloo

__all__ = [
    "a2tgpo",
    "a2tgpo_clip_scale",
    "discounted_return",
    "gae",
    "gdpo",
    "gigpo",
    "gpg",
    "grpo",
    "grpo_process",
    "hard_min_returns",
    "igpo",
    "information_gain",
    "maxrl",
    "opo",
    "pass_at_k",
    "pure",
    "reinforce_plus_plus",
    "reinforce_plus_plus_baseline",
    "remax",
    "rloo",
    "softmin_returns",
    "suffix_min_returns",
]
