"""docs/papers.md: whose method a function is, and where it departs from published code."""

from docs.print_pages.functions import Function, all_functions, table

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

Methods that are a few lines of the functions above and have no name in the package."""
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
        "[`layouts.macro_actions` and `gae`]"
        "(by_hand.md#13-macro-actions-pieces-of-tokens-as-steps)",
        "[by hand](../tests/inputs/test_macro_actions.py), "
        "[seed system](../tests/seeds/test_seed_macro_gae.py)",
        "Rewards of a piece are summed, there averaged; no piece is empty; the last token is alone "
        "with `alone_last=True` only.",
    ],
]


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


def page() -> str:
    """The whole page."""
    lines = [HEAD]
    for heading, functions in all_functions().items():
        header = ["function", "paper", "presets", "tests", "differs"]
        lines += ["", f"## {heading}", "", *table(header, [row(each) for each in functions])]
    header = ["system", "paper", "lines", "tests", "differs"]
    lines += ["", BY_LINES_TEXT, "", *table(header, BY_LINES)]
    return "\n".join(lines) + "\n"
