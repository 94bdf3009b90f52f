"""docs/turns_among_peers.md: which system is which call of `grpo_process`, and what options do."""

import functools
from typing import Any, NamedTuple

import creditlib as cl
from creditlib.testing import enumerate_groups
from creditlib.testing.engine.declarations import declared
from creditlib.testing.subject import subject_of
from docs.print_pages.functions import table

HEAD = """# Turns among peers

Many turn-level methods compare the reward or the return of a turn with those of comparable turns.
These turns are its peers. `cl.grpo_process` computes all such methods. Four options select one:

- `over` selects the peers: the turns of the group, the turns of the same number in the group, the
  turns of the group that start from the same state, or the turns of the same number in the batch.
- `order` selects what is compared. With "score_then_sum", rewards are compared and then summed over
  the later turns. With "sum_then_score", returns are compared. With gamma=0 both are the same: only
  the reward of this turn counts.
- `ended` decides whether a trajectory that has ended counts with 0 at later turn numbers.
- `leave_out` excludes the turn, or its whole trajectory, from its own mean.

`python -m docs.print_pages` prints this page and computes every number on it."""
SYSTEMS_TEXT = """## Which system is which call

`R` is `cl.recipes`. A row for a part of a recipe sets the weight of the other part to 0. The last
column says what the call was compared with. [Papers](papers.md) has the sources."""
WORTH_TEXT = """## What the options are worth

The table shows the bias of the expected policy gradient. It is the length of the component
perpendicular to the true gradient, divided by the length of the component along it. The bias is
computed exactly, over every group of 2 (and of 3) trajectories of the small environment of
`creditlib.testing`. The environment has two states, at most three turns, and trajectories of
different lengths. scale=None and gamma=1."""
WHY_TEXT = """With `ended="absent"` there are two causes of bias, at turn numbers that some
trajectories do not reach:

- The credit of a turn is reduced because the turn is part of its own mean. The reduction is larger
  if fewer trajectories reach the turn number. If only one trajectory reaches it, the credit is 0.
  So late turns have too small a weight.
- With `order="score_then_sum"`, one mean is subtracted for each turn of a trajectory. The number of
  turns depends on the actions of the trajectory, and so does the sum of the subtracted means.

With `ended="zero"`, the peers at every turn number are the whole group, and the same means are
subtracted from every trajectory. So the comparison by turn number itself causes no bias.

With `ended="zero"` and `leave_out="trajectory"`, the expected gradient equals the true gradient.
Without `leave_out` it is (n − 1)/n times the true gradient, for groups of n. The last column is the
length of the component along the true gradient. This holds for every environment with scale=None
and gamma=1. The percentages in the table hold for this environment only. The table does not show
which form trains better.

`over="group"` and `over="anchor"` do not accept `ended="zero"`, because the number of zeros would
depend on the longest trajectory of other groups."""
COST_TEXT = """## What a deviation and a discount cost

The table shows the same bias for `over="turn", order="sum_then_score", ended="zero"` with a
standard deviation or a discount. Both bias the gradient, and neither is a fault. The standard
deviation gives groups different weights. The discount gives near rewards a larger weight."""
LAWS_TEXT = """## Which laws the forms break

These laws are broken by design; see [Laws of credit](laws.md). Of these forms,
`over="turn", order="sum_then_score", ended="zero", scale=None` breaks the fewest laws."""


class System(NamedTuple):
    """A system that compares turns: its name, its options, what it is in the package, its test."""

    name: str
    options: dict[str, Any]
    also: str
    run: str


SUM: dict[str, Any] = {"order": "sum_then_score"}
NOW: dict[str, Any] = {"gamma": 0.0}
POPULATION: dict[str, Any] = {"ddof": 0, "eps": 1e-8}
SYSTEMS = [
    System("GRPO with process supervision", {}, "", "equation"),
    System(
        "MatchTIR, the turn",
        {"over": "turn", **SUM, "gamma": 0.9},
        "`R.matchtir(trajectory_weight=0)`",
        "authors' code",
    ),
    System(
        "MICA, the return",
        {"over": "turn", **SUM, **POPULATION},
        "`R.mica(alpha=1)`",
        "third party's text",
    ),
    System("MICA, the progress", {**NOW, **POPULATION}, "`R.mica(alpha=0)`", "third party's text"),
    System("SIOP", {}, "`R.siop`, of its rewards", "authors' code"),
    System(
        "iStar, the step",
        {**NOW, "leave_out": "turn", "scale": None},
        "`R.istar`, of a reward of 0",
        "authors' code",
    ),
    System("SCRL", {"over": "turn", **NOW}, "`R.scrl`, of `cl.consecutive`", "equation"),
    System("F-GRPO", {"over": "turn", **NOW, "scale": None}, "`R.fgrpo`", "equation"),
    System("Euphonium, the step", {"over": "turn", **NOW, "eps": 1e-8}, "", "authors' code"),
    System(
        "VPR", {"over": "anchor", **NOW, **POPULATION}, "`R.vpr`, of unsolved tasks", "restated"
    ),
    System(
        "VPR without states",
        {"over": "turn_of_batch", **NOW, **POPULATION},
        "`R.vpr(anchor=None, least=0)`",
        "restated",
    ),
    System("Kevin", SUM, "", "equation"),
    System(
        "turn numbers without bias",
        {"over": "turn", **SUM, "ended": "zero", "scale": None},
        "",
        "enumeration, below",
    ),
]
FORMS = [
    {"over": over, "order": order, "leave_out": leave_out}
    for over in ("turn", "group")
    for order in ("sum_then_score", "score_then_sum")
    for leave_out in (None, "trajectory")
]
ENDED: dict[str, Any] = {"over": "turn", **SUM, "ended": "zero"}


def call_of(options: dict[str, Any]) -> str:
    """The options as they are written in a call."""
    written = ", ".join(f"{name}={value!r}".replace("'", '"') for name, value in options.items())
    return f"`{written}`" if written else "defaults"


@functools.cache
def _worth(size: int, given: tuple[tuple[str, Any], ...]) -> tuple[float, float]:
    groups = enumerate_groups(size)
    batch = {name: groups.batch[name] for name in ("turn_reward", "group", "turn_count")}
    gradient = groups.gradient(cl.grpo_process(**batch, **dict(given))).flatten()
    true = groups.true_gradient.flatten()
    length = gradient @ true / (true @ true)
    across = (gradient - length * true).norm() / (length * true).norm()
    return float(across), float(length)


def worth(size: int, **options: Any) -> tuple[float, float]:
    """(bias, length along the true gradient) of the expected gradient."""
    return _worth(size, tuple(sorted(options.items())))


def shares(**options: Any) -> str:
    """The biases, for groups of 2 and of 3."""
    found = [100 * worth(size, **options)[0] for size in (2, 3)]
    return " / ".join(f"{share:.1f} %" if share > 1e-6 else "**0**" for share in found)


def lengths(**options: Any) -> str:
    """The lengths along the true gradient, for groups of 2 and of 3."""
    return " / ".join(f"{worth(size, **options)[1]:.3f}" for size in (2, 3))


def systems() -> list[str]:
    """The table of systems."""
    rows = [[each.name, call_of(each.options), each.also or "–", each.run] for each in SYSTEMS]
    return table(["system", "options of `grpo_process`", "also", "checked against"], rows)


def worths() -> list[str]:
    """The table of exact gradients."""
    header = ["over", "order", "leave_out", "ended absent", "ended zero", "length, ended zero"]
    rows: list[list[str]] = []
    for form in FORMS:
        given: dict[str, Any] = {**form, "scale": None}
        ended: dict[str, Any] = {**given, "ended": "zero"}
        found = [shares(**given), "not offered", "–"]
        if form["over"] == "turn":
            found[1:] = [shares(**ended), lengths(**ended)]
        rows.append([*map(str, form.values()), *found])
    return table(header, rows)


def costs() -> list[str]:
    """The bias that a standard deviation and a discount cause in the form without bias."""
    rows = [
        [call_of(options), shares(**ENDED, **options)]
        for options in (
            {"scale": None},
            {"scale": None, "gamma": 0.9},
            {"scale": None, "gamma": 0.5},
            {"scale": "std"},
        )
    ]
    return table(["with", "bias"], rows)


def laws() -> list[str]:
    """The laws that forms break by design."""
    forms: list[dict[str, Any]] = [
        {},
        {"over": "turn", **SUM},
        {**ENDED},
        {**ENDED, "scale": None},
        {"over": "turn", "ended": "zero", "scale": None},
        {"over": "turn_of_batch"},
    ]
    rows = [
        [call_of(form), ", ".join(sorted(declared(subject_of(cl.grpo_process, form))))]
        for form in forms
    ]
    return table(["form", "laws broken by design"], rows)


def page() -> str:
    """The whole page."""
    parts = [
        [HEAD],
        [SYSTEMS_TEXT],
        systems(),
        [WORTH_TEXT],
        worths(),
        [WHY_TEXT],
        [COST_TEXT],
        costs(),
        [LAWS_TEXT],
        laws(),
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"
