"""Conditions of laws: which kind of method a function is, read from the tensors it takes."""

from __future__ import annotations

from creditlib.testing.subject import Subject

__all__ = ["OUTCOMES", "compares_outcomes", "needs_groups", "outcome_only", "uses_group_baseline"]

OUTCOMES = ("reward", "rewards", "token_reward")


def needs_groups(subject: Subject) -> bool:
    """The function requires `group`."""
    return "group" in subject.tensors and subject.tensors["group"].required


def uses_group_baseline(subject: Subject) -> bool:
    """The function compares rewards with those of the group."""
    earned = subject.tensors_with_unit("reward")
    return needs_groups(subject) and not subject.factor and bool(earned)


def compares_outcomes(subject: Subject) -> bool:
    """The function compares outcomes with those of the group."""
    return uses_group_baseline(subject) and subject.has_any(*OUTCOMES)


def outcome_only(subject: Subject) -> bool:
    """The function compares outcomes with those of the group and takes no other rewards."""
    return compares_outcomes(subject) and set(subject.tensors_with_unit("reward")) <= set(OUTCOMES)
