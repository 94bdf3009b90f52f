"""The names of the arguments in a call: unknown, missing and unnamed ones are refused."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from creditlib.vocabulary.annotations import Argument
from creditlib.vocabulary.messages import (
    ContractError,
    contract_error,
    describe_value,
    did_you_mean,
)

__all__ = ["CallNames", "missing_argument", "unknown_argument"]


def unknown_argument(
    function: str, name: str, value: object, known: Iterable[str]
) -> ContractError:
    """The refusal of an argument that a function does not have.

    >>> print(unknown_argument("grpo", "sclae", None, ["scale", "eps"]))
    grpo: `sclae` must be one of its arguments, got None (did you mean 'scale'?).
    >>> print(unknown_argument("grpo", "no", None, ["scale", "eps"]))
    grpo: `no` must be one of its arguments, got None; it has `scale`, `eps`.
    """
    every = list(known)
    fact = repr(value) if isinstance(value, (str, int, float)) else describe_value(value)
    near = did_you_mean(name, every)
    remedy = "" if near or not every else f"it has {', '.join(f'`{each}`' for each in every)}"
    return contract_error(function, name, "one of its arguments", f"{fact}{near}", remedy)


def missing_argument(
    function: str, name: str, argument: Argument | None, fact: str = "nothing"
) -> ContractError:
    """The refusal of a call without an argument that a function needs.

    >>> print(missing_argument("gae", "lam", None))
    gae: `lam` must be given, got nothing.
    """
    contract = argument.contract if argument is not None else "given"
    return contract_error(function, name, contract, fact, argument.hint if argument else "")


@dataclass(frozen=True)
class CallNames:
    """The names that a function takes: all, those without a default, and those by place."""

    every: frozenset[str]
    required: frozenset[str]
    by_place: int

    @classmethod
    def of(cls, function: Callable[..., Any]) -> CallNames:
        """The names in the signature of a function.

        >>> CallNames.of(lambda a, *, b=1: a).required
        frozenset({'a'})
        """
        parameters = inspect.signature(function).parameters.values()
        return cls(
            frozenset(each.name for each in parameters),
            frozenset(each.name for each in parameters if each.default is each.empty),
            sum(each.kind is each.POSITIONAL_OR_KEYWORD for each in parameters),
        )

    def allow(self, places: int, given: Mapping[str, Any]) -> bool:
        """Whether a call gives every required argument and no unknown one.

        >>> CallNames.of(lambda *, a, b=1: a).allow(0, {"b": 2})
        False
        """
        return places <= self.by_place and self.required <= given.keys() <= self.every

    def error(
        self, function: str, arguments: tuple[Argument, ...], places: int, given: Mapping[str, Any]
    ) -> ContractError:
        """The refusal of a call whose names are not those of the function."""
        if places > self.by_place:
            return self._error_of_place(function, arguments, places)
        unknown = [name for name in given if name not in self.every]
        if unknown:
            missing = sorted(self.required - given.keys())
            known = [*missing, *sorted(self.every - self.required)]
            return unknown_argument(function, unknown[0], given[unknown[0]], known)
        known = {argument.name: argument for argument in arguments}
        missing = [name for name in known if name in self.required] + sorted(self.required)
        name = next(name for name in missing if name not in given)
        return missing_argument(function, name, known.get(name))

    def _error_of_place(
        self, function: str, arguments: tuple[Argument, ...], places: int
    ) -> ContractError:
        names = [argument.name for argument in arguments if argument.name in self.required]
        call = ", ".join(f"{name}=…" for name in names)
        wanted = f"given by name, {function}({call})"
        name = names[0] if names and not self.by_place else "arguments"
        return contract_error(function, name, wanted, f"{places} by place")
