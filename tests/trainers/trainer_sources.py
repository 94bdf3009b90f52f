"""A trainer's own source: a checkout named by CREDITLIB_SOURCE, what it lacks stood in for."""

import importlib
import importlib.abc
import importlib.machinery
import json
import os
import sys
import types
import warnings
from pathlib import Path

import pytest


class _Any(type):
    """STAND-IN: classes that take any call, attribute, subscript or union."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _anything(name)

    def __getitem__(cls, item):
        return cls

    def __or__(cls, other):
        return cls

    __ror__ = __or__

    def __delattr__(cls, name):
        pass

    def __bool__(cls):  # is_wandb_available() and the like
        return "stand_in" not in vars(cls)

    def __call__(cls, *args, **more):
        if "stand_in" not in vars(cls):  # a subclass, the trainer's own
            return super().__call__(*args, **more)
        # A decorator gives back what it decorates.
        return (
            args[0] if len(args) == 1 and isinstance(args[0], (type, types.FunctionType)) else cls
        )


class _Stands:
    """STAND-IN for what a trainer subclasses, decorates with, or has in its configuration."""

    def __init_subclass__(cls, **more):
        pass

    @classmethod
    def __get_pydantic_core_schema__(cls, *given):
        from pydantic_core import core_schema

        return core_schema.any_schema()


def _anything(name):
    return _Any(name, (_Stands,), {"stand_in": True})


class _Empty(types.ModuleType):
    """STAND-IN: a module in which every name is a class that computes nothing."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        value = _anything(name)
        setattr(self, name, value)
        return value


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, root, own, missing):
        self.root, self.own, self.missing = root, own, missing

    def find_spec(self, name, path=None, target=None):
        if name in self.own or name.partition(".")[0] not in self.missing:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        module = _Empty(spec.name)
        module.__path__ = [str(self.root.joinpath(*spec.name.split(".")))]
        return module

    def exec_module(self, module):
        pass


def recorded(name):
    """The hooks of an adapter as `tests/integrations/signatures` has them."""
    folder = Path(__file__).parents[1] / "integrations" / "signatures"
    return json.loads((folder / f"{name}.json").read_text())["hooks"]


def found(trainer):
    """The hooks of an adapter as the source has them: parameters, or the type of a value."""
    from creditlib.integrations.patching import locate, parameters_of

    values = {hook: locate(trainer, hook)[2] for hook in trainer.hooks}
    return {
        hook.path: type(value).__name__ if hook.value_type else list(parameters_of(value))
        for hook, value in values.items()
    }


def from_source(own, missing=(), within=""):
    """Modules `own` of a checkout; every other one of their package, and `missing`, is empty.

    The test file is skipped where CREDITLIB_SOURCE names no checkout with all of them.
    """
    given = os.environ.get("CREDITLIB_SOURCE")
    package = own[0].partition(".")[0]
    if not given:
        pytest.skip("CREDITLIB_SOURCE names no checkout", allow_module_level=True)
    root = Path(given).resolve() / within
    for name in own:
        path = root.joinpath(*name.split("."))
        if not (path.with_suffix(".py").exists() or (path / "__init__.py").exists()):
            pytest.skip(f"CREDITLIB_SOURCE has no module {name}", allow_module_level=True)
    sys.meta_path.insert(0, _Finder(root, own, {package, *missing}))
    sys.path.insert(0, str(root))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [importlib.import_module(name) for name in own]
