"""Estimators by name, import path or function, and calls with the tensors that they name."""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import entry_points
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from creditlib.vocabulary.annotations import Argument, options_of, tensors_of
from creditlib.vocabulary.call_names import missing_argument, unknown_argument
from creditlib.vocabulary.excluded_rows import without_excluded
from creditlib.vocabulary.messages import (
    ContractError,
    contract_error,
    describe_value,
    did_you_mean,
    error_line,
)
from creditlib.vocabulary.remedies import remedy_of_tensor
from creditlib.vocabulary.words import ARGUMENTS

__all__ = [
    "Plugin",
    "apply",
    "plugins",
    "public_functions",
    "refuse_unknown_options",
    "resolve",
    "title",
]

ENTRY_POINTS = "creditlib.estimators"
# How similar a key of a mapping is to the name of a tensor that it was probably meant for.
_NEAR = 0.85


class Plugin(NamedTuple):
    """An entry point of an installed package: the function that it loads, or the error."""

    name: str
    value: str
    function: Callable[..., Any] | None
    error: str | None


def public_functions() -> dict[str, Callable[..., Any]]:
    """The estimators, shapers, weights and recipes of the package, by name.

    >>> sorted(public_functions())[:3]
    ['a2tgpo', 'a2tgpo_clip_scale', 'a3']
    """
    return dict(_public_functions())


@functools.cache
def _public_functions() -> dict[str, Callable[..., Any]]:
    found: dict[str, Callable[..., Any]] = {}
    for package in ("estimators", "shaping", "weighting", "recipes"):
        module = importlib.import_module(f"creditlib.{package}")
        for name in getattr(module, "__all__", sorted(vars(module))):
            function = getattr(module, name)
            if inspect.isfunction(function) and tensors_of(function):
                found[name] = function
    return found


def plugins() -> list[Plugin]:
    """Every entry point of the group `creditlib.estimators`, loaded; errors are kept, not raised.

    >>> [plugin.name for plugin in plugins() if plugin.error]
    []
    """
    found: list[Plugin] = []
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
        try:
            function = entry.load()
        except (Exception, SystemExit) as error:  # an import may raise anything
            found.append(Plugin(entry.name, entry.value, None, error_line(error)))
            continue
        wrong = None if callable(function) else f"{type(function).__name__} is not callable"
        found.append(Plugin(entry.name, entry.value, None if wrong else function, wrong))
    return found


def resolve(name: str | Callable[..., Any]) -> Callable[..., Any]:
    """The function with a `name`: one of creditlib, one of a plug-in, or "package.module:function".

    Args:
        name: a name of creditlib or of a plug-in, an import path "package.module:function", or a
            function, which is returned as it is.

    >>> resolve("grpo").__name__
    'grpo'
    >>> resolve("creditlib.estimators.trajectory.rloo:rloo").__name__
    'rloo'
    """
    if callable(name):
        return name
    if not isinstance(name, str):
        raise contract_error("resolve", "name", "a name or a function", type(name).__name__)
    ours = public_functions()
    if name in ours:
        return ours[name]
    if ":" in name:
        return _from_path(name)
    entries = {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}
    if name in entries:
        return _from_path(f"{entries[name].module}:{entries[name].attr}")
    wanted = "a name of creditlib, of a plug-in, or 'package.module:function'"
    hint = did_you_mean(name, [*ours, *entries])
    raise contract_error("resolve", "name", wanted, f"{name!r}{hint}")


def _from_path(path: str) -> Callable[..., Any]:
    try:
        function = pkgutil.resolve_name(path)
    except (Exception, SystemExit) as error:  # an import may raise anything
        fact = f"{path!r} ({error_line(error)}){_nearest_in_module(path)}"
        raise contract_error("resolve", "name", "an import path that loads", fact) from error
    if not callable(function):
        kind = type(function).__name__
        raise contract_error("resolve", "name", "a function", f"{path!r}, which is {kind}")
    return function


def _nearest_in_module(path: str) -> str:
    """The end of a sentence on an attribute that its module, which is imported, does not have."""
    module, _, name = path.partition(":")
    return did_you_mean(name, vars(sys.modules[module])) if module in sys.modules else ""


def apply(function: str | Callable[..., Any], mapping: Mapping[str, Any], **options: Any) -> Any:
    """Call an estimator with the tensors that its signature names, taken from any mapping.

    Rows that `valid` of the mapping leaves out take no part: if the signature does not name
    `valid`, they are deleted before the call, and the result is 0 there.

    Args:
        function: what `resolve` takes: a name, an import path, or a function.
        mapping: tensors by name: a dict, a TensorDict or a trainer's batch. Keys that the signature
            does not name are ignored.
        options: are passed on. An option with the name of a tensor replaces that of the mapping.

    Errors: a tensor that the signature names is missing, or is no tensor; an option is unknown; a
    key of the mapping is nearly the name of an optional tensor that the mapping lacks.

    >>> import torch
    >>> batch = {"reward": torch.tensor([0.0, 1.0]), "group": torch.tensor([3, 3]), "other": 1}
    >>> apply("grpo", batch, scale=None)
    tensor([-0.5000,  0.5000])
    """
    target = resolve(function)
    if not hasattr(mapping, "keys"):
        raise contract_error("apply", "mapping", "tensors by name", describe_value(mapping))
    # The signature of a module is that of its `forward`.
    body = target.forward if isinstance(target, torch.nn.Module) else target
    parameters = _parameters(body)
    refuse_unknown_options(target, options)
    given = set(mapping.keys())
    kinds, numbers = tensors_of(body), options_of(body)
    chosen: dict[str, Tensor] = {}
    for name, parameter in parameters.items():
        named = parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        if not named or name in options:
            continue
        value = mapping[name] if name in given else None
        if isinstance(value, Tensor) and name not in numbers:
            chosen[name] = value
            continue
        required = parameter.default is inspect.Parameter.empty
        if not required and (value is None or name not in kinds):
            if value is None and name in kinds:
                _refuse_near_miss(title(target), kinds[name], given - parameters.keys())
            continue
        raise _missing(title(target), name, kinds.get(name), mapping, given)
    valid = mapping["valid"] if "valid" in given else None
    if isinstance(valid, Tensor) and "valid" not in parameters:
        return without_excluded(title(target), target, valid, chosen, options)
    return target(**chosen, **options)


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The parameters of a function; those of a plain function, which stays, are read once."""
    if inspect.isfunction(function):
        return _known_parameters(function)
    return inspect.signature(function).parameters


@functools.lru_cache(maxsize=1024)
def _known_parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters


def refuse_unknown_options(function: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Refuse an option that a function does not have; one with `**options` may have any.

    Args:
        function: an estimator, or a module with a `forward`.
        options: what a call would pass, by name.

    >>> from creditlib import grpo
    >>> refuse_unknown_options(grpo, {"scle": 1})
    Traceback (most recent call last):
    creditlib.ContractError: grpo: `scle` must be one of its arguments, got 1 (did you mean ...?).
    """
    if not options:
        return
    parameters = _parameters(
        function.forward if isinstance(function, torch.nn.Module) else function
    )
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return
    for name, value in options.items():
        if name not in parameters:
            raise unknown_argument(title(function), name, value, parameters)


def _refuse_near_miss(function: str, argument: Argument, unread: Iterable[str]) -> None:
    """Refuse a key that is nearly the name of an optional tensor: it would change nothing."""
    others = [str(key) for key in unread if key not in ARGUMENTS]
    near = difflib.get_close_matches(argument.name, others, 1, _NEAR)
    if near:
        fact = f"the key `{near[0]}` of the mapping"
        remedy = f"rename it, or pass `{argument.name}=None` if it is something else"
        raise contract_error(function, argument.name, argument.contract, fact, remedy)


def _missing(
    function: str,
    name: str,
    argument: Argument | None,
    mapping: Mapping[str, Any],
    given: set[str],
) -> ContractError:
    """The refusal of a mapping that lacks a tensor, or holds something else under its name."""
    if name in given:
        wanted = argument.contract if argument is not None else "given as an option"
        remedy = remedy_of_tensor(argument, mapping[name]) if argument is not None else ""
        return contract_error(function, name, wanted, describe_value(mapping[name]), remedy)
    have = ", ".join(f"`{key}`" for key in sorted(map(str, given))) or "nothing"
    return missing_argument(function, name, argument, f"nothing; given: {have}")


def title(function: Callable[..., Any]) -> str:
    """The name of a function in a refusal: that inside a partial, or that of its class.

    Args:
        function: a function, a `functools.partial`, or a callable object.

    >>> title(functools.partial(len))
    'len'
    """
    while isinstance(function, functools.partial):
        function = cast("Callable[..., Any]", function.func)
    return getattr(function, "__name__", type(function).__name__)
