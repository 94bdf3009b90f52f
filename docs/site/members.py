"""What the reference has a page for: every public name, by topic."""

import importlib
import inspect
from typing import Any, NamedTuple

import creditlib as cl
from docs.print_pages.functions import all_functions

# Each topic: its title, what it is for, and the packages whose `__all__` it holds.
TOPICS = {
    "trajectories": ("Credit of trajectories", "One number for each trajectory.", ()),
    "turns": ("Credit of turns", "One number for each turn.", ()),
    "tokens": ("Credit of tokens", "One number for each token.", ()),
    "weights": ("Weights", "Factors that credit is multiplied by.", ()),
    "shaping": ("Rewards", "Rewards made of other rewards and signals.", ()),
    "recipes": ("Recipes", "Whole methods of papers, composed of the algebra.", ()),
    "algebra": (
        "Algebra",
        "What estimators are made of: values among their peers, returns, sums, whitening.",
        ("creditlib.algebra",),
    ),
    "inputs": (
        "Inputs and checks",
        "Ids, tensors of any data, checks of a batch, numbers for a logger.",
        ("creditlib", "creditlib.inputs.layouts"),
    ),
    "rows": (
        "Rows of a trainer",
        "From rows with a mask to credit on tokens, in two calls.",
        ("creditlib.rows",),
    ),
    "ranks": (
        "Ranks and streams",
        "Statistics over several ranks, and groups that arrive in pieces.",
        ("creditlib.distributed", "creditlib.streaming"),
    ),
    "rollouts": (
        "Rollout files and reports",
        "Stored rollouts: read, credit, explain, draw.",
        ("creditlib.rollouts", "creditlib.report"),
    ),
    "testing": ("Laws and tests", "Is an estimator right?", ("creditlib.testing",)),
    "audit": ("Audit", "What is an estimator worth?", ("creditlib.audit",)),
}
CATALOGUE = ["trajectories", "turns", "tokens", "weights", "shaping", "recipes"]


class Member(NamedTuple):
    """A public name: its topic, where it is imported from, and the thing."""

    topic: str
    module: str
    name: str
    thing: Any

    @property
    def written(self) -> str:
        """The name as a program writes it: cl.layouts.pack, or pack where cl does not hold it."""
        module = self.module.removeprefix("creditlib").removeprefix(".").removeprefix("inputs.")
        reached = not module or module in cl.__all__
        return (
            ".".join(part for part in ("cl", module, self.name) if part) if reached else self.name
        )

    @property
    def place(self) -> str:
        """The name of its page. Some file systems do not tell `Audit` and `audit` apart."""
        module = self.module.removeprefix("creditlib").removeprefix(".").removeprefix("inputs.")
        page = ".".join(part for part in (module, self.name) if part)
        return f"{page}-class" if inspect.isclass(self.thing) else page


def members() -> list[Member]:
    """Every public function and class, each once, under its topic."""
    found: list[Member] = []
    for topic, functions in all_functions().items():
        module = "creditlib.recipes" if topic == "Recipes" else "creditlib"
        found += [_member(topic.lower(), module, each.name) for each in functions]
    for topic, (_, _, modules) in TOPICS.items():
        for module in modules:
            for name in importlib.import_module(module).__all__:
                member = _member(topic, module, name)
                if _is_documented(member.thing) and not _is_listed(member, found):
                    found.append(member)
    return found


def _member(topic: str, module: str, name: str) -> Member:
    thing = getattr(importlib.import_module(module), name)
    at_the_top = name in cl.__all__ and getattr(cl, name) is thing
    return Member(topic, "creditlib" if at_the_top else module, name, thing)


def _is_documented(thing: Any) -> bool:
    """Whether a name is a function or a class; constants have a table of their own."""
    return inspect.isfunction(thing) or inspect.isclass(thing)


def _is_listed(member: Member, found: list[Member]) -> bool:
    return any(each.thing is member.thing for each in found)
