"""docs/papers.md: whose method a function is, and where it departs from published code."""

from docs.print_pages.functions import Function, all_functions, table
from docs.print_pages.unverified import NO_CREDIT, UNVERIFIED, System

HEAD = """# Papers

One row for each public function: the paper it is from, the presets that give the numbers of the
authors or of a trainer, the tests, and how it differs from published code. The formula in the
docstring is the definition.

- *by hand*: the test file of the function, with a case that is worked on paper.
- *core*: [worked cases and a float64 reference](../tests/test_golden_core.py).
- *official*: [outputs of published code](../tests/test_golden_official.py) on ragged batches.
- *golden*: recorded outputs of a recipe.
- *seed system*: outputs of the authors' code that was run, or of a loop of the equations where no
  code could be had; the first line of the file says which.

A preset is a set of options: `cl.grpo(..., **cl.presets.TRL_GRPO)`. What trainers call GRPO, and
what of published code is not reproduced: [Conventions of trainers](trainer_conventions.md).

This page is printed from docstrings by `python -m docs.print_pages`."""

BY_LINES_TEXT = """## By lines

Methods that are a few lines of the functions above and have no name in the package. The methods of
a survey, with more lines: [The survey, answered](survey.md)."""
BY_LINES = [
    [
        "SUPO",
        "arXiv:2510.06727, Eq. 3. No code of the authors could be had; three reimplementations "
        "agree.",
        "[three lines](axes.md#rollouts-that-ran-out-of-room-supo)",
        "[seed system](../tests/seeds/test_seed_supo.py)",
        'A lone rollout gets 0, in the reimplementations its reward (`lone="raw"`).',
    ],
    [
        "Euphonium",
        "arXiv:2602.04928; the authors' code block was run.",
        "[two credits](which_estimator.md#two-losses-two-credits)",
        "[seed system](../tests/seeds/test_seed_euphonium.py)",
        "A group of one gets 0, there NaN.",
    ],
    [
        "MA-RLHF",
        "ICLR 2025; the authors' code was run.",
        "[`layouts.macro_actions` and `turn_gae`]"
        "(by_hand.md#13-macro-actions-pieces-of-tokens-as-steps)",
        "[by hand](../tests/inputs/test_macro_actions.py), "
        "[seed system](../tests/seeds/test_seed_macro_gae.py)",
        "Rewards of a piece are summed, there averaged; no piece is empty; the last token is alone "
        "with `alone_last=True` only.",
    ],
    [
        "TP-GRPO",
        "2025, arXiv:2507.23317; by equation.",
        "`layouts.thoughts` and `grpo_process`",
        "[by hand](../tests/inputs/test_thoughts.py), "
        "[seed system](../tests/seeds/test_seed_thoughts.py)",
        "Thoughts only: the scaling by capability and the part off policy are not published.",
    ],
    [
        "CAPO",
        "arXiv:2508.02298, secondary text.",
        "[`rloo` and a penalty](which_estimator.md#a-judge-of-single-steps)",
        "[seed system](../tests/seeds/test_seed_capo.py)",
        "Only the outcome has a baseline, which is our reading: its normalizer is not published.",
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
        "Values that are missing at the end are the caller's.",
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
        "Aligning the numbers of rows is the sampler's.",
    ],
    [
        "C3, CCPO",
        "arXiv:2603.06859, arXiv:2603.21563. No code of the authors could be had.",
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

No function bears the name of these systems: their formula could not be read in full."""
NO_CREDIT_TEXT = """## Losses and data

What these systems define is no credit."""


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
    return table(["system", "read", "known", "missing", "what serves"], [list(x) for x in systems])


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
