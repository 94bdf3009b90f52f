"""Estimators by name, import path or function, and calls with the tensors that they name."""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from creditlib.vocabulary.annotations import options_of, tensors_of
from creditlib.vocabulary.messages import contract_error, describe_value, error_line

__all__ = ["Plugin", "apply", "plugins", "public_functions", "resolve", "title"]

ENTRY_POINTS = "creditlib.estimators"


class Plugin(NamedTuple):
    """An entry point of an installed package: the function that it loads, or the error."""

    name: str
    value: str
    function: Callable[..., Any] | None
    error: str | None


def public_functions() -> dict[str, Callable[..., Any]]:
    """The estimators, shapers, weights and recipes of the package, by name.

    >>> sorted(public_functions())[:3]
    ['a2tgpo', 'a2tgpo_clip_scale', 'completion_weight']
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
    near = difflib.get_close_matches(name, [*ours, *entries], 1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    wanted = "a name of creditlib, of a plug-in, or 'package.module:function'"
    raise contract_error("resolve", "name", wanted, f"{name!r}{hint}")


def _from_path(path: str) -> Callable[..., Any]:
    try:
        function = pkgutil.resolve_name(path)
    except (Exception, SystemExit) as error:  # an import may raise anything
        fact = f"{path!r} ({error_line(error)})"
        raise contract_error("resolve", "name", "an import path that loads", fact) from error
    if not callable(function):
        kind = type(function).__name__
        raise contract_error("resolve", "name", "a function", f"{path!r}, which is {kind}")
    return function


def apply(function: str | Callable[..., Any], mapping: Mapping[str, Any], **options: Any) -> Any:
    """Call an estimator with the tensors that its signature names, taken from any mapping.

    `function` is what `resolve` takes. `mapping` may be a dict, a TensorDict or a trainer's batch;
    keys that the signature does not name are ignored. `options` are passed on; an option with the
    name of a tensor replaces that of the mapping. If the signature names a tensor and the mapping
    holds something else under its name, the call is refused.

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
    parameters = inspect.signature(body).parameters
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
            continue
        wanted = "given as an option" if name in given else "given"
        contract = kinds[name].contract if name in kinds else wanted
        have = ", ".join(f"`{key}`" for key in sorted(map(str, given))) or "nothing"
        fact = describe_value(value) if name in given else f"nothing; given: {have}"
        raise contract_error(title(target), name, contract, fact)
    return target(**chosen, **options)


def title(function: Callable[..., Any]) -> str:
    """The name of a function in a refusal: that inside a partial, or that of its class.

    >>> title(functools.partial(len))
    'len'
    """
    while isinstance(function, functools.partial):
        function = cast("Callable[..., Any]", function.func)
    return getattr(function, "__name__", type(function).__name__)
