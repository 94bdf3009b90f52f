"""Refusals that name what the user typed, and not the argument of a function inside."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Any

from creditlib.registry import refuse_unknown_options, resolve
from creditlib.vocabulary.messages import ContractError

__all__ = ["as_typed", "refuse_unknown_names"]

_REFUSAL = re.compile(r"(\S+): `([^`]+)` (.*)", re.DOTALL)


@contextmanager
def as_typed(
    command: str,
    flags: Mapping[str, str] | None = None,
    remedies: Mapping[str, str] | None = None,
    options: Iterable[str] = (),
    functions: Iterable[str] = (),
) -> Generator[None]:
    """Refusals inside the `with` block name the option of the command, not the argument.

    Args:
        command: begins the sentence.
        flags: how a refusal of a function starts -> the option that its argument comes from.
        remedies: words of such a refusal that name an argument -> the same with the option.
        options: what `--option` set, as it was typed: "gamma" or "gigpo.gamma".
        functions: functions in whose place the command is named where no option fits.

    >>> with as_typed("check", {"resolve: `name`": "function"}):
    ...     resolve("grpp")
    Traceback (most recent call last):
    creditlib.ContractError: check: `function` must be a name of creditlib, ...
    """
    try:
        yield
    except ContractError as error:
        text = str(error)
        for argument, flag in (flags or {}).items():
            if text.startswith(argument):
                end = text.removeprefix(argument)
                for words, typed in (remedies or {}).items():
                    end = end.replace(words, typed)
                raise ContractError(f"{command}: `{flag}`{end}") from None
        found = _of_option(command, text, options)
        own, colon, rest = text.partition(":")
        if found is None and colon and own in functions:
            found = f"{command}:{rest.replace('`options`', '`--option`')}"
        if found is None:
            raise
        raise ContractError(found) from None


def _of_option(command: str, text: str, options: Iterable[str]) -> str | None:
    """A refusal of an estimator, if it is about an option that was typed."""
    match = _REFUSAL.fullmatch(text)
    if match is None:
        return None
    function, argument, rest = match.groups()
    for typed in options:
        estimator, _, name = typed.rpartition(".")
        own = estimator.rpartition(":")[2].rpartition(".")[2]
        if typed == argument or (name == argument and own in ("", function)):
            rest = rest.replace("one of its arguments", f"one of the arguments of {function}", 1)
            return f"{command}: `--option {typed}` {rest}"
    return None


def refuse_unknown_names(command: str, options: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse an option that its estimator does not have; `options` by the estimator's name.

    >>> refuse_unknown_names("explain", {"grpo": {"scle": 1}})
    Traceback (most recent call last):
    creditlib.ContractError: explain: `--option grpo.scle` must be one of the arguments of grpo, ...
    """
    for estimator, given in options.items():
        with as_typed(command, options=[f"{estimator}.{name}" for name in given]):
            refuse_unknown_options(resolve(estimator), given)
