"""What docs/survey.md is printed from: each method of the survey, and what answers it here."""

from typing import Literal, NamedTuple, TypeAlias

Answer: TypeAlias = Literal["have", "composition", "no function", "not read"]

# Tensors that the lines below use. Two rollouts of one task, two turns each, three tokens.
SETUP = """import torch
import creditlib as cl
R, tensor = cl.recipes, torch.tensor
reward, group, turn_count = tensor([1.0, 0.0]), tensor([0, 0]), tensor([2, 2])
turns = {"group": group, "turn_count": turn_count}
judged = tensor([[0.5, 1.0], [0.5, 0.0]])
turn = tensor([[0, 0, 1], [0, 1, 1]])
log_prob = tensor([[-1.0, -0.5, -0.5], [-2.0, -1.0, -1.0]])
old_log_prob = tensor([[-1.5, -0.5, -1.0], [-1.5, -1.0, -0.5]])
outcome = cl.per_turn(cl.grpo(reward=reward, group=group, scale=None), turn_count)"""


class Method(NamedTuple):
    """A method: what it is called, where it is from, and what of ours answers it.

    names: functions of creditlib, all of them resolve. golden: seed systems with recorded numbers;
    "official" for outputs of published code; "core" for worked cases. line: an expression of
    `SETUP` that is run. note: why there is no function, or how far the answer is checked.
    """

    name: str
    title: str
    arxiv: str
    answer: Answer
    names: tuple[str, ...] = ()
    golden: tuple[str, ...] = ()
    line: str = ""
    note: str = ""


PROCESS = "cl.grpo_process(turn_reward=judged, **turns, scale=None) + outcome"
LOG_RATIO = "cl.turn_sum(log_prob - old_log_prob, turn, 2)"
JUDGE = "The caller provides the scores of a judge as rewards of turns. Equation not verified."
SHARES = "The caller provides the shares: "
VALUES = "The caller provides the values: "
RATIO = "The caller provides both log-probabilities. "

SURVEY = [
    Method(
        "VinePPO",
        "Refining Credit Assignment in RL Training of LLMs",
        "2410.01679",
        "have",
        ("turn_gae",),
        ("turn_gae",),
        note=VALUES + "by Monte Carlo, with lam=0.",
    ),
    Method(
        "RED",
        "Unleashing Token-Level Rewards from Holistic Feedback via Reward Redistribution",
        "2411.08302",
        "have",
        ("redistribute",),
        ("attribution",),
        note=SHARES + "by a regression on the reward model.",
    ),
    Method(
        "T-REG",
        "Preference Optimization with Token-Level Reward Regularization",
        "2412.02685",
        "no function",
        note="A term of a preference loss. `gae` could take its token reward as `token_reward`. "
        "Its exact form was not verified.",
    ),
    Method(
        "From r to Q*",
        "Your Language Model is Secretly a Q-Function",
        "2404.12358",
        "composition",
        ("turn_sum",),
        line=LOG_RATIO,
        note=RATIO + "The reward of a turn is the sum of its log-ratios.",
    ),
    Method(
        "SPO",
        "Segment Policy Optimization",
        "2505.23564",
        "have",
        ("turn_gae", "tree_credit"),
        ("spo", "tree"),
        note=VALUES + "by Monte Carlo at the cuts, with lam=0. Its tree form is `tree_credit`.",
    ),
    Method(
        "SCAR",
        "Shapley Credit Assignment Rewards",
        "2505.20417",
        "have",
        ("shapley",),
        ("shapley",),
        note="The caller provides the values of coalitions.",
    ),
    Method(
        "TEMPO",
        "Exploiting Tree Structure for Credit Assignment in RL Training of LLMs",
        "2509.18314",
        "composition",
        ("tree_credit", "turn_gae"),
        line="cl.tree_credit(reward=reward, node=tensor([[3, 4], [3, 5]]), **turns)",
        note="The value of a node minus that of its parent. Its temporal difference at "
        "branch points is `turn_gae` with the values of parents.",
    ),
    Method(
        "PURE",
        "Stop Summation: Min-Form Credit Assignment Is All Process Reward Model Needs for "
        "Reasoning",
        "2504.15275",
        "have",
        ("pure", "softmin_returns"),
        ("core", "official"),
    ),
    Method(
        "SPRO",
        "Self-Guided Process Reward Optimization",
        "2507.01551",
        "composition",
        ("grpo_process", "turn_sum"),
        line=(
            f"cl.grpo_process(turn_reward={LOG_RATIO}, **turns, over='turn', gamma=0.0, "
            "leave_out='trajectory', scale=None) + outcome"
        ),
        note="Log-ratios of steps minus those of the other rollouts at the same step. "
        "Equation not verified.",
    ),
    Method(
        "CAPO",
        "Credit Assignment Policy Optimization",
        "2508.02298",
        "composition",
        ("rloo", "per_turn"),
        ("capo",),
        line=(
            "cl.per_turn(2 * cl.rloo(reward=reward, group=group), turn_count) "
            "- tensor([[False, False], [True, False]]).float()"
        ),
        note="A step that is judged wrong has a penalty of 1. The authors' normalizer is not "
        "published.",
    ),
    Method(
        "ACPO",
        "Pinpointing Crucial Steps: Attribution-based Credit Assignment for Verifiable "
        "Reinforcement Learning",
        "2510.08899",
        "no function",
        note="It attributes by gradients of the model. The equation was not found.",
    ),
    Method(
        "HICRA",
        "Emergent Hierarchical Reasoning in LLMs through Reinforcement Learning",
        "2509.03646",
        "composition",
        ("to_tokens",),
        ("hicra",),
        line=(
            "(lambda a, planning: a + 0.2 * a.abs() * planning)"
            "(cl.to_tokens(outcome, turn), tensor([[1, 0, 0], [0, 0, 1]]))"
        ),
        note="The caller provides the mask of the tokens that plan.",
    ),
    Method(
        "PRL",
        "Process Reward Learning",
        "2601.10201",
        "composition",
        ("turn_sum",),
        line=f"{LOG_RATIO} + outcome",
        note=RATIO + "Equation not verified.",
    ),
    Method(
        "InT",
        "Self-Proposed Interventions Enable Credit Assignment in LLM Reasoning",
        "2601.14209",
        "no function",
        note="It builds data for supervised training: a prefix and a correction.",
    ),
    Method(
        "FinePO",
        "Fine-Grained Process Reward via SketchVL",
        "2601.05688",
        "composition",
        ("grpo_process",),
        line=PROCESS,
        note=JUDGE,
    ),
    Method(
        "AgentPRM",
        "Process Reward Models for LLM Agents via Step-Wise Promise and Progress",
        "2511.08325",
        "have",
        ("turn_gae",),
        ("turn_gae",),
        note=VALUES + "by a process reward model.",
    ),
    Method(
        "SWEET-RL",
        "Training Multi-Turn LLM Agents on Collaborative Reasoning Tasks",
        "2503.15478",
        "have",
        ("turn_gae",),
        ("turn_gae",),
        note=VALUES + "by a critic with more inputs than the policy. creditlib has no critic loss.",
    ),
    Method(
        "MT-GRPO",
        "Reinforcing Multi-Turn Reasoning in LLM Agents via Turn-Level Reward Design",
        "2505.11821",
        "have",
        ("mt_grpo",),
        ("mt_grpo",),
    ),
    Method(
        "Turn-PPO",
        "Turn-Level Optimized Policy Optimization for Multi-Turn LLM Agents",
        "2512.17008",
        "have",
        ("turn_gae",),
        ("turn_gae",),
    ),
    Method(
        "SORL",
        "Stabilizing Off-Policy RL for Long-Horizon Agent Training",
        "2511.20718",
        "have",
        ("importance_weight",),
        ("importance",),
        note='level="turn". The loss does its normalization after clipping.',
    ),
    Method(
        "TARL",
        "Process-Supervised Reinforcement Learning for Interactive Multimodal Tool-Use Agents",
        "2509.14480",
        "composition",
        ("grpo_process",),
        line=PROCESS,
        note=JUDGE,
    ),
    Method(
        "ITPO",
        "Implicit Turn-Wise Policy Optimization for Proactive User-LLM Interaction",
        "2603.23550",
        "composition",
        ("turn_sum", "grpo_process"),
        line=f"cl.grpo_process(turn_reward={LOG_RATIO}, **turns, scale=None)",
        note=RATIO + "Equation not verified.",
    ),
    Method(
        "HCAPO",
        "Hindsight Credit Assignment for Long-Horizon LLM Agents",
        "2603.08754",
        "composition",
        ("importance_weight",),
        line=(
            "outcome * cl.importance_weight(log_prob=log_prob, old_log_prob=old_log_prob, "
            "turn=turn, turns=2, level='turn')"
        ),
        note="`log_prob` is that of the turn given the outcome. Equation not verified.",
    ),
    Method(
        "C3",
        "Contextual Counterfactual Credit Assignment for Multi-Agent Reinforcement Learning in "
        "LLM Collaboration",
        "2603.06859",
        "composition",
        ("remax",),
        line="cl.remax(reward=reward, baseline=tensor([[1.0, 0.0], [0.0, 0.0]]).mean(1))",
        note="The caller provides the replays. The code was not available. [More](agents.md)",
    ),
    Method(
        "CCPO",
        "Counterfactual Credit Policy Optimization for Multi-Agent Collaboration",
        "2603.21563",
        "composition",
        ("per_turn",),
        line=(
            "cl.per_turn(reward, turn_count) "
            "- cl.per_turn(tensor([[0.5, 0.75], [0.0, 0.25]]), turn_count)"
        ),
        note="The same for each turn. The code was not available.",
    ),
    Method(
        "CriticSearch",
        "Fine-Grained Credit Assignment for Search Agents via a Retrospective Critic",
        "2511.12159",
        "composition",
        ("grpo_process",),
        line=PROCESS,
        note=JUDGE,
    ),
    Method(
        "GiGPO",
        "Group-in-Group Policy Optimization for LLM Agent Training",
        "2505.10978",
        "have",
        ("gigpo",),
        ("official",),
    ),
    Method(
        "POAD",
        "Reinforcing Language Agents via Policy Optimization with Action Decomposition",
        "2405.15821",
        "have",
        ("two_level_gae",),
        ("dual_discount_gae",),
        note="Discounts inside a turn and between turns. Its own code was not run.",
    ),
    Method(
        "ArCHer",
        "Training Language Model Agents via Hierarchical Multi-Turn RL",
        "2402.19446",
        "have",
        ("turn_gae",),
        ("turn_gae",),
        note=VALUES + "by two critics of turns, with lam=0. Take the smaller of both values.",
    ),
    Method(
        "PilotRL",
        "Global Planning-Guided Progressive Reinforcement Learning",
        "2508.00344",
        "no function",
        note="Three stages of training. Each stage has rewards of its own.",
    ),
    Method(
        "CARL",
        "Focusing Agentic Reinforcement Learning on Critical Actions",
        "2512.04949",
        "composition",
        ("top_fraction", "to_tokens"),
        line=(
            "cl.to_tokens(outcome, turn, weight=cl.top_fraction(token_score=cl.to_tokens("
            "tensor([[0.2, 0.9], [0.8, 0.1]]), turn), turn=turn, fraction=0.5).float())"
        ),
        note="The tokens of turns with the largest entropy. Equation not verified.",
    ),
    Method(
        "IGPO",
        "Information Gain-based Policy Optimization",
        "2510.14967",
        "have",
        ("igpo", "information_gain"),
        ("official",),
    ),
    Method(
        "iStar",
        "Agentic Reinforcement Learning with Implicit Step Rewards",
        "2509.19199",
        "have",
        ("istar",),
        ("istar",),
    ),
    Method(
        "StepAgent",
        "From Novice to Expert: LLM Agent Policy Optimization via Step-wise Reinforcement Learning",
        "2411.03817",
        "no function",
        note="Demonstrations, and a reward that is learned from them.",
    ),
    Method(
        "Agent Lightning",
        "Train ANY AI Agents with Reinforcement Learning",
        "2508.03680",
        "no function",
        note="A trainer. The adapter is `creditlib.integrations.agent_lightning`.",
    ),
    Method(
        "RAGEN",
        "Understanding Self-Evolution in LLM Agents via Multi-Turn Reinforcement Learning",
        "2504.20073",
        "have",
        ("grpo", "gae", "bi_level_gae"),
        ("bi_level_gae",),
    ),
    Method(
        "SPA-RL",
        "Reinforcing LLM Agents via Stepwise Progress Attribution",
        "2505.20732",
        "have",
        ("spa_rl", "redistribute"),
        ("spa_rl",),
        note="The caller provides the predicted progress.",
    ),
    Method(
        "LaRe",
        "Latent Reward: LLM-Empowered Credit Assignment in Episodic Reinforcement Learning",
        "2412.16989",
        "have",
        ("redistribute",),
        ("attribution",),
        note=SHARES + "predicted rewards. creditlib does not have the regression.",
    ),
    Method(
        "SCRIBE",
        "Structured Mid-Level Supervision for Tool-Using Language Models",
        "2601.03555",
        "composition",
        ("grpo_process",),
        line=PROCESS,
        note=JUDGE,
    ),
    Method(
        "PRS",
        "Enhancing Agentic RL with Progressive Reward Shaping and VSPO",
        "2512.07478",
        "composition",
        ("consecutive", "grpo"),
        line=(
            "cl.grpo(reward=cl.consecutive(solved_turn=judged > 0.2, turn_count=turn_count)"
            ".sum(1), group=group)"
        ),
        note="Stages have rewards up to the first one that fails. Equation not verified. creditlib "
        "does not have its sampling.",
    ),
    Method(
        "Adaptive segments",
        "Adaptive Segment-Level Reward: Bridging the Gap Between Action and Reward Space in "
        "Alignment",
        "2411.00809",
        "have",
        ("redistribute",),
        ("attribution",),
        note=SHARES + "a segment is a turn.",
    ),
    Method(
        "M-GRPO",
        "Multi-Agent Deep Research: Training Multi-Agent Systems with M-GRPO",
        "2511.13288",
        "composition",
        ("grpo", "ids"),
        line=(
            "cl.grpo(reward=tensor([1.0, 0.75, 0.0, 0.25]), "
            "group=cl.ids([(0, 'main'), (0, 'sub'), (0, 'main'), (0, 'sub')]))"
        ),
        note="The main agent and the sub-agents are separate groups.",
    ),
    Method(
        "LLM-MCA",
        "Leveraging Large Language Models for Effective and Explainable Multi-Agent Credit "
        "Assignment",
        "2502.16863",
        "have",
        ("redistribute",),
        ("attribution",),
        note=SHARES + "by a language model.",
    ),
    Method(
        "QLLM",
        "Do We Really Need a Mixing Network for Credit Assignment in Multi-Agent Reinforcement "
        "Learning?",
        "2504.12961",
        "have",
        ("redistribute",),
        ("attribution",),
        note=SHARES + "by a function that a language model wrote.",
    ),
    Method(
        "SHARP",
        "Shapley Credit-based Optimization for Multi-Agent System",
        "2602.08335",
        "have",
        ("shapley",),
        ("shapley",),
        note="The caller provides the values of coalitions. Agents take the place of turns.",
    ),
    Method(
        "MAPPA",
        "Scaling Multiagent Systems with Process Rewards",
        "2601.23228",
        "composition",
        ("grpo_process",),
        line="cl.grpo_process(turn_reward=judged, **turns, scale=None)",
        note=JUDGE,
    ),
    Method(
        "Dr. MAS",
        "Stable Reinforcement Learning for Multi-Agent LLM Systems",
        "2602.08847",
        "have",
        ("dr_mas",),
        ("agents",),
    ),
]

LATER = [
    Method(
        "A²TGPO",
        "",
        "2605.06200",
        "have",
        ("a2tgpo", "a2tgpo_clip_scale"),
        ("core",),
    ),
    Method("A³", "", "2605.08013", "have", ("a3", "action_margin"), ("a3",)),
    Method("AT²PO", "", "2601.04767", "have", ("at2po", "tree_credit"), ("tree",)),
    Method(
        "TreeRPO",
        "",
        "",
        "have",
        ("tree_credit",),
        ("tree",),
        note='value="child_mean". Its own code was not run.',
    ),
    Method("AEM", "", "", "have", ("aem", "entropy_weight"), ("aem",)),
    Method("HiPER", "", "2602.16165", "have", ("hiper", "hierarchical_gae"), ("hierarchical_gae",)),
    Method(
        "TIS, IcePop, GSPO, CISPO",
        "ratios of two policies",
        "2507.18071",
        "have",
        ("importance_weight",),
        ("importance",),
        note="GSPO 2507.18071, CISPO 2506.13585, IcePop 2510.18855.",
    ),
    Method("V-trace", "IMPALA", "1802.01561", "have", ("v_trace",), ("v_trace",)),
    Method("OTB", "verl's optimal token baseline", "", "have", ("otb",), ("otb",)),
    Method(
        "Kevin",
        "",
        "2507.11948",
        "composition",
        ("grpo_process",),
        ("turn_scores",),
        line="cl.grpo_process(turn_reward=judged, **turns, order='sum_then_score', gamma=0.4)",
        note="Discounted returns of turns, then a z-score over the turns of the group.",
    ),
    Method(
        "prime-rl turn_credit",
        "prime-rl#3282",
        "",
        "composition",
        ("potential_shaping", "spread_back"),
        line=(
            "cl.spread_back(turn_reward=cl.potential_shaping(potential=judged, "
            "turn_count=turn_count, final=reward), turn_count=turn_count, gamma=0.5)"
        ),
        note="Differences of scores, spread over the turns before. Its third step was not read.",
    ),
    Method(
        "G2PO",
        "",
        "2606.22995",
        "composition",
        ("algebra.relative", "algebra.next_turn"),
        line="g2po(tensor([[5, 6], [5, 7]]))",
        note="Written from its code, which was not run. Our choice: the outcome follows the last "
        "turn.",
    ),
    Method(
        "Rubric RL",
        "",
        "",
        "composition",
        ("gdpo",),
        line="cl.gdpo(rewards=torch.stack([reward, judged[:, 0]], 1), group=group)",
        note="One reward per item. Use `combine` if one failed item fails all.",
    ),
    Method(
        "SAO",
        "",
        "2607.07508",
        "composition",
        ("gae",),
        line=(
            "cl.gae(token_reward=tensor([[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]), "
            "value=tensor([[0.5, 0.5, 0.5], [0.5, 0.25, 0.0]]), turn=turn, gamma=1.0, "
            "lam=1.0)[0]"
        ),
        note="One rollout and GAE.",
    ),
    Method(
        "T²PO",
        "",
        "",
        "composition",
        ("whiten",),
        line=(
            "outcome * (1 + 0.2 * cl.whiten(tensor([[0.2, 0.9], [0.8, 0.1]]), "
            "tensor([[1, 1], [1, 1]]))).clamp(min=0)"
        ),
        note="Only its entropy factor, which in the paper is below 0 for very certain turns. The "
        "sampler does interventions and resampling.",
    ),
    Method("GVPO", "", "", "not read", note="Its text was not found."),
    Method("Core", "", "2605.06920", "no function", note="No part of it is a tensor function."),
    *(
        Method(name, "", arxiv, "not read", note=f"Known by its title only.{more}")
        for name, arxiv, more in (
            ("ProGPO", "2607.04242", ""),
            ("CRAFT", "2606.29476", ""),
            ("PivoARL", "2607.03702", " It is about masks of retries."),
            ("TRIAGE", "2606.32017", " It is about roles: see [Agents and roles](agents.md)."),
            ("IGRPO", "2607.06223", ""),
            ("TACO", "2607.07976", ""),
            ("ECHO", "2606.31650", ""),
            ("Memory-R2", "2605.21768", ""),
        )
    ),
]

IDEAS = [
    Method(
        "Potential-based shaping",
        "",
        "",
        "have",
        ("potential_shaping",),
        ("potential",),
    ),
    Method(
        "Eligibility traces",
        "",
        "",
        "have",
        ("spread_back",),
        ("smear",),
        note="The shares are normalized, so the sum of a row does not change.",
    ),
    Method(
        "λ-returns",
        "",
        "",
        "have",
        ("turn_gae", "gae"),
        ("turn_gae",),
        note="The second result.",
    ),
    Method(
        "Decoupled PPO",
        "",
        "",
        "have",
        ("importance_weight",),
        ("importance",),
        note="`log_prob` is that of the proximal policy.",
    ),
]
