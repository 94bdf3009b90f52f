"""Locate, verify and patch the functions of a trainer.

An adapter names the functions and classes that it calls or replaces as `Hook`s, with the parameters
that the known versions have. Registries and other values that it reads are hooks with the name of
their type. A hook that is missing or has another form raises `HookError`.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any

from creditlib.ops.warm_up import warm_up
from creditlib.vocabulary.messages import contract_error, error_line

__all__ = [
    "Hook",
    "HookError",
    "InstalledSettings",
    "Trainer",
    "locate",
    "parameters_of",
    "post_import_hook",
    "replace",
    "replace_all",
    "unwrap",
    "verify",
]


class HookError(RuntimeError):
    """A hook of a trainer is missing, or its parameters are not those of the known versions."""


@dataclass(frozen=True)
class Hook:
    """Anything that an adapter takes from a trainer, and its form in the known versions.

    `path` is "package.module:attribute" or "package.module:Class.method". The form of a function,
    method or class is its `parameters`. The form of any other value, such as a registry that is a
    dictionary, is the name of its type, `value_type`.

    >>> Hook("math:sqrt", ("x",)).form, Hook("sys:path", value_type="list").form
    ('(x)', 'list')
    """

    path: str
    parameters: tuple[str, ...] = ()
    value_type: str | None = None

    @property
    def module(self) -> str:
        """The module that holds it."""
        return self.path.partition(":")[0]

    @property
    def form(self) -> str:
        """The recorded form as text: parameters in parentheses, or the name of a type."""
        return self.value_type or f"({', '.join(self.parameters)})"

    def form_of(self, found: Any) -> str:
        """The form of a value of the trainer as text, to compare with `form`.

        >>> Hook("math:sqrt", ("x",)).form_of(divmod), Hook("math:sqrt", ("x",)).form_of(3.5)
        ('(x, y)', 'float')
        """
        if self.value_type is not None or not callable(found):
            return type(found).__name__
        return f"({', '.join(parameters_of(unwrap(found)))})"


@dataclass(frozen=True)
class Trainer:
    """What an adapter knows of a trainer: its distribution, the versions tried, its hooks."""

    name: str
    package: str
    known: tuple[str, ...]
    hooks: tuple[Hook, ...]

    @property
    def version(self) -> str | None:
        """The installed version, None without an installation."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return None

    @property
    def title(self) -> str:
        """Name and version for an error."""
        return f"{self.name} {self.version}" if self.version else self.name


def parameters_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of the parameters in order, with their stars: a hook is verified by them.

    >>> parameters_of(lambda data, *rest, gamma=1.0, **more: None)
    ('data', '*rest', 'gamma', '**more')
    """
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    found = inspect.signature(function).parameters.values()
    return tuple(stars.get(each.kind, "") + each.name for each in found)


def locate(trainer: Trainer, hook: Hook) -> tuple[Any, str, Any]:
    """(owner, attribute, value) of a hook; the owner is the module or class that holds it.

    >>> math = Trainer("math", "math", ("1",), (Hook("math:sqrt", ("x",)),))
    >>> locate(math, math.hooks[0])[1]
    'sqrt'
    """
    _, _, attribute = hook.path.partition(":")
    *owners, name = attribute.split(".")
    try:
        owner: Any = sys.modules.get(hook.module) or importlib.import_module(hook.module)
        for each in owners:
            owner = getattr(owner, each)
        return owner, name, getattr(owner, name)
    except (Exception, SystemExit) as error:  # the import of a trainer may raise anything
        if trainer.version is None and isinstance(error, ModuleNotFoundError):
            raise HookError(f"{trainer.name} is not installed ({error_line(error)}).") from error
        raise HookError(_sentence(trainer, hook, error_line(error))) from error


def verify(trainer: Trainer, hook: Hook) -> Any:
    """The value of a hook; HookError if its form is not that of the known versions.

    >>> math = Trainer("math", "math", ("1", "2"), (Hook("math:sqrt", ("y", "/")),))
    >>> verify(math, math.hooks[0])
    Traceback (most recent call last):
    creditlib.integrations.patching.HookError: math: `math:sqrt` must be (y, /) as in 1, 2, got (x).
    """
    value = locate(trainer, hook)[2]
    form = hook.form_of(value)
    if form != hook.form:
        raise HookError(_sentence(trainer, hook, form))
    return value


def unwrap(value: Any) -> Any:
    """The trainer's own function behind a replacement; any other value is returned as it is.

    >>> unwrap(len)
    <built-in function len>
    """
    while "creditlib_original" in getattr(value, "__dict__", {}):
        value = value.creditlib_original
    return value


def replace(
    trainer: Trainer,
    hook: Hook,
    wrap: Callable[[Callable[..., Any]], Callable[..., Any]],
    *,
    again: bool = False,
) -> Callable[[], None]:
    """Verify a hook and replace it by `wrap(original)`; the returned function undoes this.

    A second replacement for the same trainer is refused, because the settings of the first would
    stay in effect; with again=True it does nothing. A replacement by another adapter is wrapped
    like any function, because trainers import each other's functions.
    """
    owner, name, value = locate(trainer, hook)
    if getattr(value, "__dict__", {}).get("creditlib_trainer") == trainer.name:
        if again:
            return lambda: None
        wanted = "called once, or again after the undo function it returned"
        raise contract_error(trainer.name, "install", wanted, "a second call")
    verify(trainer, hook)
    warm_up()
    new: Any = wrap(value)
    new.creditlib_original, new.creditlib_trainer = value, trainer.name
    setattr(owner, name, new)
    return lambda: setattr(owner, name, value)


def replace_all(
    trainer: Trainer,
    wraps: Mapping[Hook, Callable[[Callable[..., Any]], Callable[..., Any]]],
    *,
    again: bool = False,
) -> Callable[[], None]:
    """Replace several hooks, or none if one of them fails; the returned function undoes it all."""
    for hook in wraps:
        verify(trainer, hook)
    undo = [replace(trainer, hook, wrap, again=again) for hook, wrap in wraps.items()]

    def undo_all() -> None:
        for each in reversed(undo):
            each()

    return undo_all


def _sentence(trainer: Trainer, hook: Hook, fact: str) -> str:
    known = ", ".join(trainer.known)
    wanted = f"{hook.form} as in {known}"
    return f"{trainer.title}: `{hook.path}` must be {wanted}, got {fact}."


class InstalledSettings:
    """Settings from `install`, for functions that a trainer calls with its own configuration only.

    >>> installed = InstalledSettings()
    >>> undo = installed.install({"gamma": 0.9})
    >>> dict(installed.current)
    {'gamma': 0.9}
    >>> undo(); dict(installed.current)
    {}
    """

    def __init__(self) -> None:
        self.current: Mapping[str, Any] = {}

    def install(self, settings: Mapping[str, Any] | None) -> Callable[[], None]:
        """Make `settings` the current ones; the returned function restores those before."""
        warm_up()
        before, self.current = self.current, dict(settings or {})

        def undo() -> None:
            self.current = before

        return undo


class _Finder(MetaPathFinder):
    """Delegates to the other finders, and makes the loaders of awaited modules call the actions."""

    def __init__(self) -> None:
        self.waiting: dict[str, list[Callable[[ModuleType], None]]] = {}
        self.searching: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self.waiting or fullname in self.searching:
            return None
        self.searching.add(fullname)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self.searching.discard(fullname)
        if spec is None or spec.loader is None:
            return None
        loader: Any = spec.loader
        run = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            run(module)
            for action in self.waiting.pop(fullname, []):
                action(module)

        loader.exec_module = exec_module
        return spec


_FINDER = _Finder()


def post_import_hook(name: str, action: Callable[[ModuleType], None]) -> Callable[[], None]:
    """Call `action` with a module: now if it is imported, else right after its first import.

    The returned function cancels an action that was not called yet. A plug-in needs this because
    its trainer loads it during the trainer's own import. Importing further modules of the trainer
    at that time would be slow, could fail, and would see the trainer half initialised.

    >>> cancel = post_import_hook("math", lambda module: print(module.__name__))
    math
    """
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    if module is not None and not getattr(spec, "_initializing", False):
        action(module)
        return lambda: None
    _FINDER.waiting.setdefault(name, []).append(action)
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)

    def cancel() -> None:
        waiting = _FINDER.waiting.get(name, [])
        if action in waiting:
            waiting.remove(action)
        if not waiting:
            _FINDER.waiting.pop(name, None)

    return cancel
