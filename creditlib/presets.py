"""Options that reproduce the numbers of trainers and of authors' code: data, to be splatted.

`grpo(reward=reward, group=group, **presets.TRL_GRPO)`. Defaults of the library are the safe ones
(a group of one and a constant group give exactly 0); a preset states where others differ.
Golden numbers prove those of verl, verl-agent, rLLM, Lite-PPO, IGPO, A²TGPO and PURE; the others
are the trainer's formula, worked by hand in `tests/test_presets.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = [
    "A2TGPO_OFFICIAL",
    "A3_OFFICIAL",
    "ADORA_LLM",
    "ADORA_VL",
    "AREAL_LITE_PPO",
    "AT2PO_RATIO",
    "AT2PO_TREE",
    "CAMPO",
    "CISPO",
    "DR_GRPO",
    "DR_MAS",
    "GSPO",
    "ICEPOP",
    "IGPO_OFFICIAL_JOINT",
    "IGPO_OFFICIAL_SEPARATE",
    "ISTAR_GRPO",
    "ISTAR_MEAN",
    "ISTAR_OFFICIAL",
    "LITE_PPO_CENTERED",
    "LITE_PPO_RAW",
    "MATCHTIR",
    "MS_SWIFT_GRPO",
    "OPENRLHF_GROUP_NORM",
    "PRIME_RL_GRPO",
    "PURE_OPENRLHF_STEP",
    "PURE_OPENRLHF_TOKEN",
    "R3L_OFFICIAL",
    "RLLM_GRPO",
    "SKYRL_GRPO",
    "SLIME_GRPO",
    "SOTOPIA_NORMALISED",
    "SPA_RL",
    "SPO_TREE",
    "TORCHRL_GRPO",
    "TREE_GRPO",
    "TREE_RPO",
    "TRL_GRPO",
    "VERL_AGENT_GIGPO",
    "VERL_AGENT_GIGPO_MEAN",
    "VERL_AGENT_GIGPO_TRAJECTORY",
    "VERL_DR_GRPO",
    "VERL_GDPO",
    "VERL_GPG",
    "VERL_GRPO",
    "VERL_OPO",
    "VERL_OVERLONG",
    "VERL_PASS_AT_K",
    "VERL_REINFORCE_PLUS_PLUS_BASELINE",
    "VERL_RLOO",
    "VERL_TIS_SEQUENCE",
    "VERL_TIS_TOKEN",
]


class _Preset(Mapping[str, Any]):
    """Options of one function, read only; `function` is its name.

    >>> TRL_GRPO.function, dict(TRL_GRPO), TRL_GRPO | {"ddof": 0}
    ('grpo', {'eps': 0.0001}, {'eps': 0.0001, 'ddof': 0})
    """

    def __init__(self, function: str, **options: Any) -> None:
        self.function = function
        self._options = options

    def __getitem__(self, option: str) -> Any:
        """The value of an option."""
        return self._options[option]

    def __iter__(self) -> Iterator[str]:
        """The names of the options."""
        return iter(self._options)

    def __len__(self) -> int:
        """The number of options."""
        return len(self._options)

    def __or__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        """The options of both; the other's values win."""
        return {**self, **other}

    def __repr__(self) -> str:
        """The preset as code."""
        options = "".join(f", {name}={value!r}" for name, value in self.items())
        return f"Preset({self.function!r}{options})"


# --- grpo -------------------------------------------------------------------------------------
DR_GRPO = _Preset("grpo", scale=None)
LITE_PPO_RAW = _Preset("grpo", scale_over="batch")
LITE_PPO_CENTERED = _Preset("grpo", scale_over="centered_batch")
AREAL_LITE_PPO = _Preset("grpo", scale_over="centered_batch", eps=1e-5)
VERL_GRPO = _Preset("grpo", eps=1e-6, lone="raw")
VERL_DR_GRPO = _Preset("grpo", scale=None, lone="raw")
SKYRL_GRPO = _Preset("grpo", eps=1e-6, lone="raw")
TRL_GRPO = _Preset("grpo", eps=1e-4)
MS_SWIFT_GRPO = _Preset("grpo", eps=1e-4)
# These give a group of one NaN; the library has no such policy and gives 0.
SLIME_GRPO = _Preset("grpo", eps=1e-6)
OPENRLHF_GROUP_NORM = _Preset("grpo", eps=1e-9)
TORCHRL_GRPO = _Preset("grpo", eps=1e-6, eps_at="floor")
RLLM_GRPO = _Preset("grpo", ddof=0, eps=1e-6, lone="raw")
PRIME_RL_GRPO = _Preset("grpo", scale=None)

# --- other trajectory-level estimators --------------------------------------------------------
VERL_RLOO = _Preset("rloo", lone="raw")
VERL_OPO = _Preset("opo", lone="raw")
VERL_GPG = _Preset("gpg", lone="raw")
VERL_GDPO = _Preset("gdpo", lone="raw")
VERL_PASS_AT_K = _Preset("pass_at_k", ties="zero", eps=1e-6)
VERL_REINFORCE_PLUS_PLUS_BASELINE = _Preset("reinforce_plus_plus_baseline", lone="raw")

# --- gigpo ------------------------------------------------------------------------------------
VERL_AGENT_GIGPO = _Preset("gigpo", episode_over="turn", lone="raw", eps=1e-6)
VERL_AGENT_GIGPO_MEAN = _Preset("gigpo", episode_over="turn", lone="raw", scale=None)
VERL_AGENT_GIGPO_TRAJECTORY = _Preset("gigpo", episode_over="first_turn", lone="raw", scale=None)

# --- information gain -------------------------------------------------------------------------
IGPO_OFFICIAL_JOINT = _Preset("igpo", pool="joint", ddof=0, eps=1e-6, variance_eps=1e-8)
IGPO_OFFICIAL_SEPARATE = _Preset("igpo", pool="separate", ddof=0, eps=1e-6, variance_eps=1e-8)
A2TGPO_OFFICIAL = _Preset("a2tgpo", alpha=0.3, gamma=1.0, ddof=0, eps=1e-6, variance_eps=1e-8)

# --- pure -------------------------------------------------------------------------------------
PURE_OPENRLHF_STEP = _Preset("pure", form="softmin", temperature=0.1, baseline="step")
PURE_OPENRLHF_TOKEN = _Preset("pure", form="softmin", temperature=0.1, baseline="token")

# --- importance weights -----------------------------------------------------------------------
VERL_TIS_TOKEN = _Preset("importance_weight", level="token", high=2.0)
VERL_TIS_SEQUENCE = _Preset("importance_weight", level="trajectory", reduce="sum", high=2.0)
ICEPOP = _Preset("importance_weight", level="token", low=0.8, high=1.2, outside="zero")
GSPO = _Preset("importance_weight", level="trajectory", reduce="mean", high=None)
AT2PO_RATIO = _Preset("importance_weight", level="turn", reduce="mean", high=None)
CISPO = _Preset("importance_weight", level="token", low=0.8, high=1.28)

# --- trees ------------------------------------------------------------------------------------
AT2PO_TREE = _Preset("tree_credit", value="child_softmax", against=None)
# Without the deviation of siblings, by which both can divide.
SPO_TREE = _Preset("tree_credit", value="child_mean", against="parent")
TREE_RPO = _Preset("tree_credit", value="child_mean", against="parent")

# --- shapers ----------------------------------------------------------------------------------
SOTOPIA_NORMALISED = _Preset("redistribute", nothing="zero")
VERL_OVERLONG = _Preset("overlong_penalty", beyond="grow")

# --- recipes ----------------------------------------------------------------------------------
MATCHTIR = _Preset("matchtir", lone="raw")
A3_OFFICIAL = _Preset("a3", residual="first_turn", median="low")
ISTAR_OFFICIAL = _Preset("istar", baseline="first_turn", lone="raw")
ISTAR_MEAN = _Preset("istar", center="mean", baseline="first_turn", lone="raw")
ISTAR_GRPO = _Preset("istar", center="mean", scale="std", baseline="first_turn", lone="raw")
R3L_OFFICIAL = _Preset("r3l", full=1.0, lone="raw")
ADORA_LLM = _Preset("adora", lone="raw")
ADORA_VL = _Preset("adora", unsolved="keep", lone="raw")
CAMPO = _Preset("campo", lone="raw")
TREE_GRPO = _Preset("tree_grpo", lone="raw")
DR_MAS = _Preset("dr_mas", lone="raw")
SPA_RL = _Preset("spa_rl", lone="raw")
