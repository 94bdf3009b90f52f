"""Options that reproduce the numbers of trainers and of authors' code: data, to be splatted.

`grpo(reward=reward, group=group, **presets.TRL_GRPO)`. Defaults of the library are the safe ones
(a lone rollout and a constant group give exactly 0); a preset states where others differ.
Golden numbers prove those of verl, verl-agent, rLLM, Lite-PPO, IGPO, A²TGPO and PURE; the others
are the trainer's formula, worked by hand in `tests/test_presets.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

__all__ = [
    "A2TGPO_OFFICIAL",
    "AREAL_LITE_PPO",
    "DR_GRPO",
    "IGPO_OFFICIAL_JOINT",
    "IGPO_OFFICIAL_SEPARATE",
    "LITE_PPO_CENTERED",
    "LITE_PPO_RAW",
    "MS_SWIFT_GRPO",
    "OPENRLHF_GROUP_NORM",
    "PRIME_RL_GRPO",
    "PURE_OPENRLHF_STEP",
    "PURE_OPENRLHF_TOKEN",
    "RLLM_GRPO",
    "SKYRL_GRPO",
    "SLIME_GRPO",
    "TORCHRL_GRPO",
    "TRL_GRPO",
    "VERL_AGENT_GIGPO",
    "VERL_AGENT_GIGPO_MEAN",
    "VERL_AGENT_GIGPO_TRAJECTORY",
    "VERL_DR_GRPO",
    "VERL_GDPO",
    "VERL_GPG",
    "VERL_GRPO",
    "VERL_OPO",
    "VERL_PASS_AT_K",
    "VERL_REINFORCE_PLUS_PLUS_BASELINE",
    "VERL_RLOO",
]

Preset = Mapping[str, Any]


def _preset(**options: Any) -> Preset:
    return MappingProxyType(options)


# --- grpo -------------------------------------------------------------------------------------
DR_GRPO = _preset(scale=None)
LITE_PPO_RAW = _preset(scale_over="batch")
LITE_PPO_CENTERED = _preset(scale_over="centered_batch")
AREAL_LITE_PPO = _preset(scale_over="centered_batch", eps=1e-5)
VERL_GRPO = _preset(eps=1e-6, lone="raw")
VERL_DR_GRPO = _preset(scale=None, lone="raw")
SKYRL_GRPO = _preset(eps=1e-6, lone="raw")
TRL_GRPO = _preset(eps=1e-4)
MS_SWIFT_GRPO = _preset(eps=1e-4)
# These give a lone rollout NaN; the library has no such policy and gives 0.
SLIME_GRPO = _preset(eps=1e-6)
OPENRLHF_GROUP_NORM = _preset(eps=1e-9)
TORCHRL_GRPO = _preset(eps=1e-6, eps_at="floor")
RLLM_GRPO = _preset(ddof=0, eps=1e-6, lone="raw")
PRIME_RL_GRPO = _preset(scale=None)

# --- other trajectory-level estimators --------------------------------------------------------
VERL_RLOO = _preset(lone="raw")
VERL_OPO = _preset(lone="raw")
VERL_GPG = _preset(lone="raw")
VERL_GDPO = _preset(lone="raw")
VERL_PASS_AT_K = _preset(ties="zero", eps=1e-6)
VERL_REINFORCE_PLUS_PLUS_BASELINE = _preset(lone="raw")

# --- gigpo ------------------------------------------------------------------------------------
VERL_AGENT_GIGPO = _preset(episode_over="turn", lone="raw", eps=1e-6)
VERL_AGENT_GIGPO_MEAN = _preset(episode_over="turn", lone="raw", scale=None)
VERL_AGENT_GIGPO_TRAJECTORY = _preset(episode_over="first_turn", lone="raw", scale=None)

# --- information gain -------------------------------------------------------------------------
IGPO_OFFICIAL_JOINT = _preset(pool="joint", ddof=0, eps=1e-6, variance_eps=1e-8)
IGPO_OFFICIAL_SEPARATE = _preset(pool="separate", ddof=0, eps=1e-6, variance_eps=1e-8)
A2TGPO_OFFICIAL = _preset(alpha=0.3, gamma=1.0, ddof=0, eps=1e-6, variance_eps=1e-8)

# --- pure -------------------------------------------------------------------------------------
PURE_OPENRLHF_STEP = _preset(form="softmin", temperature=0.1, baseline="step")
PURE_OPENRLHF_TOKEN = _preset(form="softmin", temperature=0.1, baseline="token")
