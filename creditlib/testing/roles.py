"""What a function is about, read off the tensors it takes."""

from __future__ import annotations

from creditlib.testing.subject import Subject

__all__ = ["OUTCOMES", "compares", "earned", "grouped", "judges", "judges_only"]

OUTCOMES = ("reward", "rewards", "token_reward")


def earned(subject: Subject, *units: str) -> list[str]:
    """The tensors that are measured in units of reward: "reward" is earned, "prediction" expected.

    >>> from creditlib.testing.subject import subject_of
    >>> earned(subject_of("gigpo", {}), "reward")
    ['reward', 'turn_reward']
    """
    words = {name: tensor.word for name, tensor in subject.tensors.items()}
    return [name for name, word in words.items() if word is not None and word.unit in units]


def grouped(subject: Subject) -> bool:
    """Cannot be called without groups."""
    return "group" in subject.tensors and subject.tensors["group"].required


def compares(subject: Subject) -> bool:
    """Credits what a trajectory earned, compared with its group."""
    return grouped(subject) and not subject.factor and bool(earned(subject, "reward"))


def judges(subject: Subject) -> bool:
    """Compares the outcomes of a group."""
    return compares(subject) and subject.has_any(*OUTCOMES)


def judges_only(subject: Subject) -> bool:
    """Knows nothing of a trajectory but its outcome."""
    return judges(subject) and set(earned(subject, "reward")) <= set(OUTCOMES)
