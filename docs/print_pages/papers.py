"""docs/papers.md: whose method a function is, and where it departs from published code."""

from docs.print_pages.functions import Function, all_functions, table
from docs.print_pages.unverified import NO_CREDIT, UNVERIFIED, System

HEAD = """# Papers

Each public function has a row: its paper, the presets that give the numbers of the authors or of a
trainer, its tests, and its differences from published code. The formula in the docstring of the
function is the definition.

- *by hand*: the test file of the function, with a case that is worked out by hand.
- *core*: [worked cases and a float64 reference](../tests/test_golden_core.py).
- *official*: [outputs of published code](../tests/test_golden_official.py) on ragged batches.
- *golden*: recorded outputs of a recipe.
- *seed system*: outputs of the authors' code. If no code was available, outputs of a loop that
  follows the equations. The first line of the file says which.

A preset is a dictionary of options: `cl.grpo(..., **cl.presets.TRL_GRPO)`.
[Conventions of trainers](trainer_conventions.md) lists what trainers compute under the name GRPO,
and the behaviour of published code that is not reproduced.

This page is printed from docstrings by `python -m docs.print_pages`."""

BY_LINES_TEXT = """## By lines

These methods have no function of their own. Each is a few lines with the functions above.
[The survey, answered](survey.md) has more methods."""
BY_LINES = [
    [
        "SUPO",
        "arXiv:2510.06727, Eq. 3. The authors' code was not available; three reimplementations "
        "agree.",
        "[three lines](axes.md#truncated-rollouts-supo)",
        "[seed system](../tests/seeds/test_seed_supo.py)",
        'A group of one gets 0. In the reimplementations it gets its reward (`lone="raw"`).',
    ],
    [
        "Euphonium",
        "arXiv:2602.04928; the authors' code block was run.",
        "[two credits](which_estimator.md#two-losses-two-credits)",
        "[seed system](../tests/seeds/test_seed_euphonium.py)",
        "A group of one gets 0. In the authors' code it gets NaN.",
    ],
    [
        "MA-RLHF",
        "ICLR 2025; the authors' code was run.",
        "[`layouts.macro_actions` and `turn_gae`]"
        "(by_hand.md#13-macro-actions-pieces-of-tokens-as-steps)",
        "[by hand](../tests/inputs/test_macro_actions.py), "
        "[seed system](../tests/seeds/test_seed_macro_gae.py)",
        "Rewards of a piece are summed; the authors average them. No piece is empty. The last "
        "token is a piece of its own with `alone_last=True` only.",
    ],
    [
        "TP-GRPO",
        "2025, arXiv:2507.23317; by equation.",
        "`layouts.thoughts` and `grpo_process`",
        "[by hand](../tests/inputs/test_thoughts.py), "
        "[seed system](../tests/seeds/test_seed_thoughts.py)",
        "Only the thoughts: the scaling by capability and the off-policy part are not published.",
    ],
    [
        "CAPO",
        "arXiv:2508.02298, secondary text.",
        "[`rloo` and a penalty](which_estimator.md#a-judge-of-single-steps)",
        "[seed system](../tests/seeds/test_seed_capo.py)",
        "Here only the outcome has a baseline. The authors' normalizer is not published.",
    ],
    [
        "HICRA",
        "arXiv:2509.03646; the formula is that of a public reimplementation.",
        "[a line after `to_tokens`](which_estimator.md#some-tokens-plan)",
        "[seed system](../tests/seeds/test_seed_hicra.py)",
        "–",
    ],
    [
        "VinePPO, SPO's chain",
        "arXiv:2410.01679, arXiv:2505.23564; VinePPO's function was run.",
        "[`turn_gae` with lam=0](which_estimator.md#values-at-turns)",
        "[seed system](../tests/seeds/test_seed_turn_gae.py)",
        "The caller provides the values that are missing at the end.",
    ],
    [
        "Temporal RLVR",
        "arXiv:2605.25381; the authors' functions were run.",
        "[`suffix_mask` and `anneal`](which_estimator.md#only-some-tokens)",
        "[seed system](../tests/seeds/test_seed_temporal.py)",
        "–",
    ],
    [
        "M-GRPO",
        "arXiv:2511.13288, its abstract.",
        "[two groups in one call](agents.md#a-main-agent-and-its-sub-agents)",
        "–",
        "The sampler makes the numbers of rows equal.",
    ],
    [
        "C3, CCPO",
        "arXiv:2603.06859, arXiv:2603.21563. The authors' code was not available.",
        "[a subtraction](agents.md#counterfactuals-replays-without-a-message)",
        "–",
        "–",
    ],
    [
        "RAE of SPIRAL",
        "arXiv:2506.24119, in the order of prime-rl's `rae`.",
        "[`streaming.role_baseline`](agents.md#self-play-a-role-is-compared-with-its-own-past)",
        "[by hand](../tests/streaming/test_role_baselines.py)",
        "The state is an argument and a result.",
    ],
]

UNVERIFIED_TEXT = """## Not verified

The formula of these methods was not available in full, so no function has their name."""
NO_CREDIT_TEXT = """## Losses and data

These methods define no credit. They define a loss, a critic, or data for supervised training."""


def row(function: Function) -> list[str]:
    """The five cells of a function."""
    tests = [f"[{word}](../{path})" for word, path in function.tests.items()]
    return [
        f"`{function.name}`",
        function.source or "–",
        ", ".join(f"`{name}`" for name in function.presets) or "–",
        ", ".join(tests) or "–",
        function.differs or "–",
    ]


def rows_of(systems: list[System]) -> list[str]:
    """The table of systems without a function of their own."""
    header = ["system", "source", "known", "missing", "related functions"]
    return table(header, [list(x) for x in systems])


def page() -> str:
    """The whole page."""
    lines = [HEAD]
    for heading, functions in all_functions().items():
        header = ["function", "paper", "presets", "tests", "differs"]
        lines += ["", f"## {heading}", "", *table(header, [row(each) for each in functions])]
    header = ["system", "paper", "lines", "tests", "differs"]
    lines += ["", BY_LINES_TEXT, "", *table(header, BY_LINES)]
    lines += ["", UNVERIFIED_TEXT, "", *rows_of(UNVERIFIED)]
    lines += ["", NO_CREDIT_TEXT, "", *rows_of(NO_CREDIT)]
    return "\n".join(lines) + "\n"
