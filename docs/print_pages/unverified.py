"""Methods without a function of their name: what is known, what is missing, related functions.

The last column of each row names functions of creditlib; a test asks whether they resolve.
"""

from typing import NamedTuple


class System(NamedTuple):
    """A method: its name, its source, what is known, what is missing, and related functions."""

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
        "How a flow is computed from attention: heads, layers, scale. Our own version gave numbers "
        "that could not be compared with any source.",
        "The last step is `top_fraction` of such a score with fraction 0.4.",
    ),
    System(
        "SPAE",
        "an expression of its code, which was run",
        "A potential of steps, 1.5 · acc · conf + 0.5 · acc − conf. Its differences are rewards.",
        "The functions that turn differences into credit, and their constants.",
        "`potential_shaping` of that potential "
        "([seed system](../tests/seeds/test_seed_turn_rewards.py)).",
    ),
    System(
        "PRE-GRPO",
        "arXiv:2605.17969, its abstract",
        "It rewards new peaks of progress, the progress kept at the end, and few turns.",
        "The weights of the three terms.",
        "`record_progress` rewards peaks. The other terms are `progress[last] − max(progress)` and "
        "`−turn_count`.",
    ),
    System(
        "TP-GRPO",
        "its title and secondary text",
        "Consecutive steps with the same label are one thought, and thoughts have rewards.",
        "How rewards are scaled by capability, and the off-policy part.",
        "`layouts.thoughts` ([seed system](../tests/seeds/test_seed_thoughts.py)), then "
        "`grpo_process`.",
    ),
    System(
        "PBSD",
        "its abstract and secondary text",
        "The teacher is a copy of the policy that knows the answer. Its log-ratios are evidence.",
        "The map from the evidence of a turn to a weight.",
        "`distillation_credit` for tokens; `turn_sum` of the log-ratios is the evidence of a turn.",
    ),
    System(
        "CAPO's normalizer",
        "arXiv:2508.02298, secondary text",
        "2 for a right answer, −1 for a step that several critiques vote wrong.",
        "How the sum is normalized: the repository has a README only.",
        "[`rloo` and a penalty](which_estimator.md#a-judge-of-single-steps), and "
        "`grpo_process` for any other baseline.",
    ),
    System(
        "EMPG",
        "arXiv:2509.09265, not read",
        "A weight of turns by their entropy.",
        "Its second term, a bonus for the clarity of the following turn.",
        '`entropy_weight(conserve="batch")` is similar to the first term.',
    ),
]

# They define no credit, but a loss, a critic, or data for supervised training.
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
        "`gae` takes it as `token_reward`.",
    ),
    System(
        "StepORLM",
        "its abstract",
        "A weighted preference loss, and a process reward model that is trained with it.",
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
        "It makes labels for supervised and preference training from a search tree.",
        "The threshold of its labels.",
        "`tree_credit(against=None)` has the values of nodes.",
    ),
    System(
        "AC-Flow",
        "its abstract",
        "A critic trained by flow matching, and a distance term.",
        "–",
        "`turn_gae` and `gae` take the values of any critic.",
    ),
    System(
        "GFlowNet",
        "its code, which was read",
        "A squared residual of flows, which is a loss.",
        "–",
        "None: `creditlib` has no losses.",
    ),
]
