"""Credit settings: an estimator, its options, a weight and whitening, read from a mapping.

Trainers name an estimator of creditlib `creditlib_grpo` and so on; `settings_for` reads such a name
together with the section of the trainer's configuration that holds the options.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from creditlib import presets
from creditlib.registry import public_functions, resolve, title
from creditlib.rows.names import PREFIX, estimator_names, estimator_of
from creditlib.rows.outcomes import check_rule
from creditlib.vocabulary.annotations import Argument, options_of, result_of, tensors_of
from creditlib.vocabulary.messages import (
    check_choice,
    contract_error,
    describe_value,
    did_you_mean,
    nearest_name,
)

__all__ = [
    "CreditSettings",
    "credit_settings",
    "merge_settings",
    "setting",
    "settings_for",
]

# Keys of the settings that are not options of the estimator.
_OWN = ("estimator", "preset", "weight", "whiten", "outcome", "value_at")
_VALUE_AT = ("first", "last", "before")


@dataclass(frozen=True)
class CreditSettings:
    """An estimator with its options, whether to whiten, and a weight that multiplies its credit.

    outcome: how several rewards of a trajectory become one; see `read_rows`. value_at: the token
    whose value is that of its turn; see `layouts.turn_values`.
    """

    estimator: Callable[..., Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    weight: Callable[..., Any] | None = None
    whiten: bool = False
    outcome: str | None = None
    value_at: str = "first"

    @functools.cached_property
    def name(self) -> str:
        """The name of the estimator in error messages."""
        return title(self.estimator)

    @functools.cached_property
    def credits_tokens(self) -> bool:
        """Whether the estimator works at token level: it takes `turn`."""
        return "turn" in tensors_of(self.estimator)

    @functools.cached_property
    def uses_turns(self) -> bool:
        """Whether the result depends on which turn wrote a token, not only on whether one did."""
        if self.credits_tokens:
            return result_of(self.estimator).turn_sensitive
        named = {**tensors_of(self.estimator), **(tensors_of(self.weight) if self.weight else {})}
        own = {name for name, tensor in named.items() if _has_turns(tensor)}
        return bool(own | (self.needs & _turn_arguments()))

    @functools.cached_property
    def uses_lengths(self) -> bool:
        """Whether the number of written tokens is needed."""
        return self.whiten or "length" in self.needs

    @functools.cached_property
    def normalizes_over_tokens(self) -> bool:
        """Whether token credit is normalised over all tokens of the batch."""
        return self.whiten or result_of(self.estimator).over_tokens

    @functools.cached_property
    def required(self) -> frozenset[str]:
        """The arguments of the estimator that have no default and no option yet."""
        empty = inspect.Parameter.empty
        named = _parameters(self.estimator).items()
        wanted = (
            name for name, each in named if each.default is empty and each.kind.value in (1, 3)
        )
        return frozenset(wanted) - set(self.options)

    @functools.cached_property
    def needs(self) -> frozenset[str]:
        """The arguments that the estimator and the weight name."""
        named = set(_parameters(self.estimator))
        return frozenset(named | set(_parameters(self.weight) if self.weight else ()))


def credit_settings(
    settings: Mapping[str, Any] | None = None,
    *,
    estimator: str | Callable[..., Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> CreditSettings:
    """Read credit settings from a mapping and check them.

    Args:
        settings: `estimator` (a name, an import path or a function), `preset` (a name in
            `creditlib.presets`), `weight` (a name, an import path or a function that returns
            float[batch turn], such as duration_weight), `whiten` (True: over the trained tokens, as
            PPO does with GAE; before the weight), `outcome` (how the rewards of several rows of a
            trajectory become one; see `read_rows`), `value_at` (the token whose value is that of
            its turn; see `layouts.turn_values`), and every option of the estimator by its name.
        estimator: is used if `settings` name none.
        defaults: the trainer's own options, such as gamma. A default counts if the estimator has an
            option of that name; a preset overrides it, and `settings` override both.

    >>> credit_settings({"preset": "TRL_GRPO", "scale": None}, estimator="grpo").options
    {'eps': 0.0001, 'scale': None}
    >>> credit_settings({"k": 2}, estimator="grpo")
    Traceback (most recent call last):
    creditlib.ContractError: grpo: `k` must be one of its options, got 2.
    """
    given = _as_dict(settings)
    wanted = given.get("estimator") or estimator
    if wanted is None:
        raise contract_error(
            "credit_settings", "estimator", "a name, an import path or a function", "nothing"
        )
    function = resolve(cast("str | Callable[..., Any]", wanted))
    weight = resolve(given["weight"]) if given.get("weight") else None
    options = {name: value for name, value in given.items() if name not in _OWN}
    parameters = _parameters(function)
    free = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    tensors = tensors_of(function)
    for name, value in options.items():
        if (name not in parameters and not free) or name in tensors:
            hint = did_you_mean(name, [each for each in parameters if each not in tensors])
            raise contract_error(
                title(function), name, "one of its options", f"{_shown(value)}{hint}"
            )
    base = {n: value for n, value in (defaults or {}).items() if _accepts(function, n, value)}
    preset = _preset(given.get("preset"))
    unknown = [name for name in preset if not free and name not in parameters]
    if unknown:
        fact = f"{given['preset']!r}, which sets `{unknown[0]}`"
        raise contract_error(title(function), "preset", "a preset of its own options", fact)
    outcome = check_rule("credit_settings", given.get("outcome"))
    value_at = given.get("value_at") or "first"
    check_choice("credit_settings", "value_at", value_at, _VALUE_AT)
    whole, whiten = {**base, **preset, **options}, bool(given.get("whiten", False))
    return CreditSettings(function, whole, weight, whiten, outcome, value_at)


def settings_for(
    name: object, settings: Mapping[str, Any] | None, defaults: Mapping[str, Any] | None = None
) -> CreditSettings:
    """The credit settings for a name in a trainer's configuration; see `credit_settings`.

    >>> settings_for("creditlib_rloo", None).name
    'rloo'
    >>> settings_for("creditlib", {"estimator": "gpg"}).name
    'gpg'
    """
    own_settings = merge_settings(settings, None)
    estimator = estimator_of(name)
    if estimator is None and str(name).startswith(PREFIX):
        near = nearest_name(str(name).removeprefix(PREFIX), estimator_names())
        hint = f" (did you mean {PREFIX + near!r}?)" if near else ""
        raise contract_error(
            "creditlib", "estimator", f"one of {PREFIX}NAME", f"{str(name)!r}{hint}"
        )
    if estimator is None and not own_settings.get("estimator"):
        wanted = f"a name or an import path, or {PREFIX}NAME as the trainer's estimator"
        raise contract_error("creditlib", "estimator", wanted, "nothing")
    return credit_settings(own_settings, estimator=estimator, defaults=defaults)


def merge_settings(settings: Mapping[str, Any] | None, section: Any) -> dict[str, Any]:
    """Settings overridden by the section for creditlib in a trainer's configuration, if any.

    >>> merge_settings({"scale": None, "gamma": 1.0}, {"gamma": 0.9})
    {'scale': None, 'gamma': 0.9}
    """
    for given in (settings, section):
        if given is not None and not hasattr(given, "keys"):
            fact = describe_value(given)
            raise contract_error("creditlib", "settings", "options by name", fact)
    return {**(settings or {}), **(section or {})}


def setting(holder: Any, name: str, default: Any = None) -> Any:
    """A value of a mapping, or an attribute of an object; `default` if there is none.

    >>> setting({"gamma": 1.0}, "gamma"), setting(object(), "gamma", 0.9)
    (1.0, 0.9)
    """
    if isinstance(holder, Mapping):
        return holder.get(name, default)
    found = getattr(holder, name, None)
    return default if found is None else found


def _accepts(function: Callable[..., Any], name: str, value: object) -> bool:
    """Whether a function has an option of this name that may have this value."""
    option = options_of(function).get(name)
    if value is None and option is not None:
        return option.optional or None in (option.choices or ())
    return name in _parameters(function)


def _has_turns(tensor: Argument) -> bool:
    return any(axis == "turn" for shape in tensor.shapes for axis, _ in shape.axes)


@functools.cache
def _turn_arguments() -> frozenset[str]:
    """Names of turn-level arguments in this package: third-party functions may lack annotations."""
    every = [tensors_of(each) for each in public_functions().values()]
    names = {name for named in every for name, tensor in named.items() if _has_turns(tensor)}
    return frozenset(names | {"turn_count"})


def _as_dict(settings: Mapping[str, Any] | None) -> dict[str, Any]:
    if settings is None:
        return {}
    if not hasattr(settings, "keys"):
        raise contract_error(
            "credit_settings", "settings", "options by name", describe_value(settings)
        )
    return {str(name): settings[name] for name in settings}


def _preset(name: object) -> dict[str, Any]:
    if not name:
        return {}
    if name not in presets.__all__:
        hint = did_you_mean(str(name).upper(), presets.__all__)
        wanted = "a name in creditlib.presets"
        raise contract_error("credit_settings", "preset", wanted, f"{name!r}{hint}")
    return dict(getattr(presets, str(name)))


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, (str, int, float)) else describe_value(value)


@functools.cache
def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters
