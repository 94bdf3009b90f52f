"""Systems that no function bears the name of: what of them is known, what is missing, what serves.

The last column of each row names functions of creditlib; a test asks whether they resolve.
"""

from typing import NamedTuple


class System(NamedTuple):
    """A system: its name and source, what was read, what is missing, and what of ours serves."""

    name: str
    source: str
    known: str
    missing: str
    serves: str


# The formula of the credit could not be read in full.
UNVERIFIED = [
    System(
        "FlowTracer",
        "arXiv:2606.10646, its abstract",
        "Tokens through which attention carries the question to the answer get the credit.",
        "How attention becomes a flow: heads, layers, scale. A reading of ours gave numbers that "
        "nothing could be compared with.",
        "`top_fraction` of any such score, fraction 0.4, is its last step.",
    ),
    System(
        "SPAE",
        "an expression of its code, which was run",
        "A potential of steps, 1.5 · acc · conf + 0.5 · acc − conf, whose differences are paid.",
        "The functions that turn differences into credit, and their constants.",
        "`potential_shaping` of that potential "
        "([seed system](../tests/seeds/test_seed_turn_rewards.py)).",
    ),
    System(
        "PRE-GRPO",
        "arXiv:2605.17969, its abstract",
        "It pays peaks of progress, what is kept of them, and few turns.",
        "The weights of the three.",
        "`record_progress` pays peaks; the others are `progress[last] − max(progress)` and "
        "`−turn_count`.",
    ),
    System(
        "TP-GRPO",
        "its title and secondary text",
        "Steps with one label are one thought, and thoughts earn rewards.",
        "How rewards are scaled by ability, and its part for old rollouts.",
        "`layouts.thoughts` ([seed system](../tests/seeds/test_seed_thoughts.py)), then "
        "`grpo_process`.",
    ),
    System(
        "PBSD",
        "its abstract and secondary text",
        "A copy of the policy that knows the answer is the teacher; its log-ratios are evidence.",
        "The map from the evidence of a turn to a weight.",
        "`distillation_credit` for tokens; `turn_sum` of the log-ratios is the evidence of a turn.",
    ),
    System(
        "CAPO's normalizer",
        "arXiv:2508.02298, secondary text",
        "2 for a right answer, −1 for steps that were judged wrong, votes of several critiques.",
        "How the sum is normalized: the repository has a README only.",
        "[`rloo` and a penalty](which_estimator.md#a-judge-of-single-steps), and "
        "`grpo_process` for any other baseline.",
    ),
    System(
        "EMPG",
        "arXiv:2509.09265, not read",
        "A weight of turns by their entropy.",
        "Its second term, a bonus for clarity of what follows.",
        '`entropy_weight(conserve="batch")` is a sibling of the first.',
    ),
]

# What they define is no credit: a loss, a critic, or data for supervised training.
NO_CREDIT = [
    System(
        "InT",
        "arXiv:2601.14209, its abstract",
        "Builds data for supervised training: a prefix and a correction.",
        "–",
        "`to_tokens` with a mask as `weight` for the prefix.",
    ),
    System(
        "T-REG",
        "arXiv:2412.02685, its abstract",
        "A term of a preference loss.",
        "The exact form of its token reward.",
        "As `token_reward` it would enter `gae`.",
    ),
    System(
        "StepORLM",
        "its abstract",
        "A weighted preference loss, with a process model trained beside it.",
        "–",
        "Scores of its process model are rewards of turns for `grpo_process`.",
    ),
    System(
        "POWER",
        "its abstract",
        "A preference loss on stored data, with labels that change.",
        "–",
        "None: `creditlib` has no losses.",
    ),
    System(
        "MALT",
        "its abstract",
        "A search tree becomes labels for supervised and preference training.",
        "The threshold of its labels.",
        "`tree_credit(against=None)` has the values of nodes.",
    ),
    System(
        "AC-Flow",
        "its abstract",
        "A critic by flow matching, and a term of distance.",
        "–",
        "`turn_gae` and `gae` take the values of any critic.",
    ),
    System(
        "GFlowNet",
        "its code, which was read",
        "A residual of flows that is squared: a loss.",
        "–",
        "None: `creditlib` has no losses.",
    ),
]
