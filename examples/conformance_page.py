"""The tables of docs/conformance.md: every estimator of an installed trainer under the laws.

    python -m examples.conformance_page verl > verl.md

Prints Markdown: a table of laws and estimators, and an example of every fault. `NOTES` lists the
broken laws that are a convention of the trainer or a part of the method. Their cells get a letter
instead of ✗.
"""

from __future__ import annotations

import fnmatch
import importlib
import sys
import typing
from collections.abc import Callable, Mapping
from typing import Any

from creditlib.testing import LawError, Report, Verdict, check_agreement, conformance_report
from creditlib.testing.engine.law import link

WHITENED = (
    *("groups_are_independent", "a_new_group_changes_nothing"),
    *("groups_may_be_computed_apart", "trajectories_may_be_computed_apart"),
    *("shifting_rewards_changes_nothing", "scaling_rewards_scales_or_changes_nothing"),
    *("credit_sums_to_zero", "better_is_never_worse", "no_credit_lies_beyond_the_spread"),
    *("tool_output_changes_nothing", "constant_groups_get_nothing"),
    *("an_earlier_turn_changes_nothing_later", "long_trajectories_do_not_outvote_short_ones"),
    *("the_expected_gradient_is_the_true_one", "single_precision_is_enough"),
    "order_does_not_matter",
)
ACROSS_COLUMNS = (
    *("shifting_rewards_changes_nothing", "credit_sums_to_zero"),
    *("an_earlier_turn_changes_nothing_later", "no_credit_lies_beyond_the_spread"),
    *("long_trajectories_do_not_outvote_short_ones", "better_is_never_worse"),
    "the_expected_gradient_is_the_true_one",
)
# (letter, trainer, estimators, laws): docs/conformance.md says what a letter means.
NOTES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("d", "*", "*", ("results_fit_their_inputs", "half_precision_is_computed_in_single")),
    ("e", "*", "*", ("no_trajectories_no_credit", "every_batch_is_taken")),
    ("k", "*", "*", ("unknown_options_are_refused",)),
    ("l", "*", "*", ("lone_members_get_nothing",)),
    ("p", "*", "*", ("padding_changes_nothing",)),
    ("m", "*", "gae", ("nothing_where_nobody_wrote",)),
    ("m", "verl", "remax", ("nothing_where_nobody_wrote",)),
    ("t", "skyrl", "gae", ("tool_output_changes_nothing",)),
    ("t", "skyrl", "reinforce++", ("tool_output_changes_nothing",)),
    ("w", "*", "gae", WHITENED),
    ("w", "*", "reinforce*", WHITENED),
    ("w", "verl", "gdpo", WHITENED),
    ("f", "verl", "grpo_vectorized", ("shifting_rewards_changes_nothing",)),
    ("f", "verl", "grpo_vectorized", ("credit_sums_to_zero",)),
    ("o", "verl", "grpo", ("every_argument_is_heard",)),
    ("o", "verl", "grpo_passk", ("every_argument_is_heard",)),
    ("s", "*", "*grpo*", ("the_expected_gradient_is_the_true_one",)),
    ("s", "verl", "grpo_passk", ("credit_sums_to_zero", "better_is_never_worse")),
    ("s", "skyrl", "maxrl", ("the_expected_gradient_is_the_true_one",)),
    ("s", "skyrl", "maxrl", ("shifting_rewards_changes_nothing", "better_is_never_worse")),
    ("s", "skyrl", "maxrl", ("no_credit_lies_beyond_the_spread",)),
    ("r", "*", "rloo*", ("constant_groups_get_nothing",)),
    ("r", "*", "maxrl", ("constant_groups_get_nothing",)),
    ("r", "verl", "opo", ("constant_groups_get_nothing",)),
    ("r", "verl", "gpg", ("constant_groups_get_nothing",)),
    ("r", "verl", "*optimal_token_baseline", ("constant_groups_get_nothing",)),
    ("r", "verl", "tir_*", ("single_precision_is_enough",)),
    ("s", "verl", "gpg", WHITENED),
    ("s", "verl", "opo", ACROSS_COLUMNS),
    ("s", "verl", "*optimal_token_baseline", ACROSS_COLUMNS),
)
SHOWN = ("", "l", "m", "p", "t")  # these get an example
LONGEST = 1500  # characters of an example
PAIRS = {"verl": [("rloo", "rloo_vectorized"), ("grpo", "grpo_vectorized")]}
MARKS = {"kept": "✓", "untried": "○", "undecided": "○", "not applicable": "", "by design": "✓"}


def estimators(trainer: str) -> Mapping[str, Callable[..., Any]]:
    """The registered estimators of an installed trainer, by name."""
    if trainer == "verl":
        return importlib.import_module("verl.trainer.ppo.core_algos").ADV_ESTIMATOR_REGISTRY
    if trainer == "trl":
        shim = importlib.import_module("examples.trl_advantages")
        return {"grpo": shim.grpo, "rloo": shim.rloo}
    typing.TypedDict = importlib.import_module("typing_extensions").TypedDict
    importlib.import_module("loguru").logger.remove()
    utils = importlib.import_module("skyrl.backends.skyrl_train.utils.ppo_utils")
    registry = utils.AdvantageEstimatorRegistry
    return {name: registry.get(name) for name in registry.list_available()}


def letter(trainer: str, name: str, law: str) -> str:
    """Why a broken law is no fault; '' where it is one."""
    for found, whose, which, laws in NOTES:
        if fnmatch.fnmatch(trainer, whose) and fnmatch.fnmatch(name, which) and law in laws:
            return found
    return ""


def mark(trainer: str, name: str, verdict: Verdict) -> str:
    """A cell of the table."""
    if verdict.state != "broken":
        return MARKS[verdict.state]
    return letter(trainer, name, verdict.law.name) or "**✗**"


def page(trainer: str, reports: Mapping[str, Report]) -> list[str]:
    """The section of one trainer."""
    names = list(reports)
    lines = [f"| law | {' | '.join(f'`{name}`' for name in names)} |"]
    lines.append("|---|" + ":-:|" * len(names))
    broken: dict[tuple[str, str], list[tuple[str, Verdict]]] = {}
    for verdicts in zip(*(report.verdicts for report in reports.values()), strict=True):
        if all(verdict.state == "not applicable" for verdict in verdicts):
            continue
        law = verdicts[0].law.name
        cells = [mark(trainer, name, v) for name, v in zip(names, verdicts, strict=True)]
        lines.append(f"| `{law}` | {' | '.join(cells)} |")
        for name, verdict in zip(names, verdicts, strict=True):
            why = letter(trainer, name, law)
            if verdict.state == "broken" and why in SHOWN:
                broken.setdefault((why, law), []).append((name, verdict))
    for (why, _), found in sorted(broken.items(), key=lambda item: SHOWN.index(item[0][0])):
        lines += example(trainer, why, found)
    return lines


def example(trainer: str, why: str, found: list[tuple[str, Verdict]]) -> list[str]:
    """One law: who breaks it, the shortest example, the trainer's threads."""
    shortest = min((verdict for _, verdict in found), key=lambda verdict: len(verdict.code))
    law = shortest.law
    own = {"verl": "verl#", "trl": "TRL#", "skyrl": "SkyRL#"}[trainer]
    threads = [f"[{bug}]({link(bug)})" for bug in law.bugs if bug.startswith(own)]
    who = ", ".join(f"`{name}`" for name, _ in found)
    mark = f" ({why})" if why else ""
    said = shortest.sentence
    if not shortest.code:
        said = "; ".join(f"`{name}`: {verdict.sentence}" for name, verdict in found)
    lines = ["", f"**`{law.name}`**{mark}: {who}. {said}.", *threads]
    if shortest.code and len(shortest.code) < LONGEST:
        lines += ["", "```python", *shortest.code.splitlines(), "```"]
    return lines


def agreement(trainer: str) -> list[str]:
    """Implementations of one method, side by side."""
    lines: list[str] = []
    every = estimators(trainer)
    for one, other in PAIRS.get(trainer, ()):
        lines += ["", f"**`{one}` and `{other}`** do not agree:"]
        try:
            check_agreement(every[one], every[other], signature=trainer)
        except LawError as error:
            (verdict,) = error.report.broken
            lines += ["", "```python", *verdict.code.splitlines(), "```"]
    return lines


def main() -> None:
    """One trainer, named on the command line."""
    trainer = sys.argv[1]
    reports: dict[str, Report] = {}
    for name, function in estimators(trainer).items():
        print(name, file=sys.stderr)
        reports[name] = conformance_report(function, trainer)
    print("\n".join([*page(trainer, reports), *agreement(trainer)]))


if __name__ == "__main__":
    main()
