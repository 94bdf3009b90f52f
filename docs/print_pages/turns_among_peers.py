"""docs/turns_among_peers.md: which system is which call of `grpo_process`, and what options do."""

import functools
from typing import Any, NamedTuple

import creditlib as cl
from creditlib.testing import enumerate_groups
from creditlib.testing.engine.declarations import declared
from creditlib.testing.subject import subject_of
from docs.print_pages.functions import table

HEAD = """# Turns among peers

Many methods of turns do one thing: they compare the reward of a turn, or what followed it, with
that of comparable turns. `cl.grpo_process` is all of them. Four options say how:

- `over` names the peers: the turns of the group, those of the same turn number, those that start
  from the same state, or those of the same number in the whole batch.
- `order` says whether a turn is compared and then summed with what follows, or summed and then
  compared. With gamma=0 both are the reward of this turn only.
- `ended` says whether a trajectory that is over still takes part at later turn numbers, with 0.
- `leave_out` takes the turn, or its whole trajectory, out of its own mean.

This page is printed by `python -m docs.print_pages`; every number on it is computed then."""
SYSTEMS_TEXT = """## Which system is which call

`R` is `cl.recipes`. A part of a recipe is the recipe with the weight of its other part at 0. The
last column says what was run; [Papers](papers.md) has the sources."""
WORTH_TEXT = """## What the options are worth

How far the expected policy gradient points elsewhere than the true one: the length of the part
across the true gradient, over that of the part along it. It is computed exactly, over every group
of 2 (and of 3) trajectories of the small environment of `creditlib.testing`: two states, at most
three turns, trajectories of different lengths. scale=None and gamma=1."""
WHY_TEXT = """With `ended="absent"` two things go wrong at turn numbers that some trajectories do
not reach:

- The fewer trajectories reach a turn, the more of its credit is lost in the mean that it is part
  of, and all of it where nobody else is there: late turns weigh too little.
- With `order="score_then_sum"` a mean is subtracted for each turn that a trajectory reaches, so its
  own actions decide how much is subtracted.

With zeros every turn number has the whole group as peers, and every trajectory has the same means
subtracted. So the bias is one of who is counted, and not of comparing by turn number.

With `ended="zero"` the gradient is exactly the true one where the own trajectory is left out, and
(n − 1)/n of it where it is not, for groups of n: the last column is the length of the part along
the true gradient. The argument holds for every environment with scale=None and gamma=1, the shares
in the table for this one only. Nothing here says which form trains better.

`over="group"` and `over="anchor"` do not take `ended="zero"`: the number of zeros would depend on
the longest trajectory of other groups."""
COST_TEXT = """## What a deviation and a discount cost

The same share for `over="turn", order="sum_then_score", ended="zero"`: both bias the gradient, and
neither is a fault. A deviation weighs groups, a discount weighs the near future."""
LAWS_TEXT = """## Which laws the forms break

By design; [Laws of credit](laws.md) says what they are. Of these forms,
`over="turn", order="sum_then_score", ended="zero", scale=None` breaks the fewest."""


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
    """(share that points elsewhere, length along the true gradient) of the expected gradient."""
    return _worth(size, tuple(sorted(options.items())))


def shares(**options: Any) -> str:
    """The shares that point elsewhere, for groups of 2 and of 3."""
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
    """What a deviation and a discount do to the form without bias."""
    rows = [
        [call_of(options), shares(**ENDED, **options)]
        for options in (
            {"scale": None},
            {"scale": None, "gamma": 0.9},
            {"scale": None, "gamma": 0.5},
            {"scale": "std"},
        )
    ]
    return table(["with", "points elsewhere"], rows)


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
