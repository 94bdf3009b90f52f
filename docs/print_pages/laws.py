"""docs/laws.md: what each law says, which function keeps it, and which breaks it by design."""

import inspect
from collections.abc import Callable
from typing import Any

import creditlib as cl
from creditlib.testing import LAWS, Law
from creditlib.testing.engine.declarations import declarations_of, declared
from creditlib.testing.engine.law import link
from creditlib.testing.subject import Subject, subject_of
from creditlib.vocabulary.annotations import tensors_of

HEAD = """# Laws of credit

A law is a statement about the credit of every batch. Most laws come from bugs of trainers, and link
to the bug reports. `creditlib.testing` tests the laws on any function with annotated arguments: see
[Testing your estimator](testing.md). [`tests/test_mutants.py`](../tests/test_mutants.py) lists
faults that the laws find. [Conformance](conformance.md) lists the faults that they find in the
estimators of trainers.

This page is printed from docstrings by `python -m docs.print_pages`."""
TIERS_TEXT = """A law has one of three tiers. A contract is a requirement on every function: shape,
dtype, finite results, unchanged inputs. An invariance names a change of the batch that must not
change credit: of padding, order, ids, other groups. A property holds for some methods and not for
others: unbiased, zero-sum, bounded. [Testing your estimator](testing.md#tiers) defines which broken
law is a fault. `creditlib laws` prints this list."""
# Functions that take tensors and compute no credit: they check, place, count or log.
NOT_TESTED = {"anchor_ids", "apply", "check_batch", "diagnose", "ids", "resolve"}


def functions() -> dict[str, Callable[..., Any]]:
    """The functions that the laws are tested on, by name."""
    found = {name: getattr(cl, name) for name in cl.__all__ if name not in NOT_TESTED}
    found |= vars(cl.recipes)
    return {
        name: function
        for name, function in sorted(found.items())
        if inspect.isfunction(function) and tensors_of(function)
    }


def numbered() -> list[str]:
    """The list of laws."""
    lines = ["", "## The laws", "", TIERS_TEXT, ""]
    for number, law in enumerate(LAWS.values(), 1):
        bugs = ", ".join(f"[{bug}]({link(bug)})" for bug in law.bugs)
        found = f" Learned from {bugs}." if bugs else ""
        lines.append(f"{number}. **{law.name}** ({law.tier}): {law.sentence}{found}")
    return lines


def mark(law: Law, subject: Subject) -> str:
    """✓ for a law that is kept, × for one that is broken by design, blank for no claim."""
    if not law.applies(subject):
        return " "
    return "×" if law.name in declared(subject) else "✓"


def kept() -> list[str]:
    """Which function keeps which law, with default options."""
    numbers = [str(number) for number in range(1, len(LAWS) + 1)]
    lines = [
        "",
        "## Which function keeps which law",
        "",
        "The table is for default options. ✓: the function keeps the law. ×: it breaks the law by "
        "design. Blank: the law does not apply.",
        "",
        f"| function | {' | '.join(numbers)} |",
        "|---|" + "---|" * len(LAWS),
    ]
    for name, function in functions().items():
        subject = subject_of(function, {})
        marks = " | ".join(mark(law, subject) for law in LAWS.values())
        lines.append(f"| `{name}` | {marks} |")
    return lines


def reasons() -> list[str]:
    """What is broken by design, and why, with the options it takes."""
    lines = ["", "## Broken by design", ""]
    for name, function in functions().items():
        for entry in declarations_of(function):
            choices = [
                f"`{option}={' or '.join(map(repr, values))}`"
                for option, values in entry.options.items()
            ]
            where = f" with {', '.join(choices)}" if choices else ""
            laws = ", ".join(entry.laws)
            lines.append(f"- `{name}`{where}: {laws}. Reason: {entry.because}")
    return lines


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *numbered(), *kept(), *reasons()]) + "\n"
