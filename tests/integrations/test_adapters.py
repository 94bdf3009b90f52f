"""Every adapter follows the protocol, and what it installs can be undone without a trace.

The trainers are stand-ins made of the recorded hooks: functions and classes with these parameters.
"""

import inspect
from types import ModuleType
from typing import ClassVar

import pytest
from stand_in import placed

from creditlib.integrations import Adapter, HookError, adapters

ADAPTERS = adapters()
# Their users add a class or name a function themselves: nothing of the trainer is changed.
WITHOUT_PATCHES = ("slime", "torchrl")


class Registry:
    """A registry as SkyRL and Trinity have it."""

    modules: ClassVar = {}

    @classmethod
    def register(cls, name, func):
        cls.modules[name] = func

    @classmethod
    def unregister(cls, name):
        del cls.modules[name]

    @classmethod
    def list_available(cls):
        return list(cls.modules)

    def register_module(self, module_name, module_cls, force=False, lazy=False):
        self.modules[module_name] = module_cls


class TrainerFactory:
    TRAINER_MAPPING: ClassVar = {"grpo": "swift.rlhf_trainers.GRPOTrainer"}


def verl_core():
    registry = {}

    def register_adv_est(name_or_enum):
        return lambda function: registry.setdefault(name_or_enum, function)

    return {"ADV_ESTIMATOR_REGISTRY": registry, "register_adv_est": register_adv_est}


# Hooks that an adapter uses so much that a function without a body does not do. `placed` refuses a
# name that no recorded hook has.
MORE = {
    "ms_swift": lambda: {"swift.trainers.trainer_factory": {"TrainerFactory": TrainerFactory}},
    "prime_rl": lambda: {"prime_rl.orchestrator.algo": {"ALGORITHM_CLASSES": {"grpo": object}}},
    "skyrl": lambda: {
        "skyrl.backends.skyrl_train.utils.ppo_utils": {"AdvantageEstimatorRegistry": Registry}
    },
    "trinity": lambda: {
        "trinity.algorithm.advantage_fn": {"ADVANTAGE_FN": Registry()},
    },
    "verl": lambda: {"verl.trainer.ppo.core_algos": verl_core()},
}


def function_of(name, parameters):
    """A function with these parameters; parameters after a star are keyword-only."""
    space = {}
    exec(f"def {name}({', '.join(parameters)}): return None", space)
    return space[name]


def stand_ins(trainer):
    """{module: {name: function or class}} of the hooks; a class of one name is one class."""
    classes, modules = {}, {}
    for hook in trainer.hooks:
        name, _, member = hook.path.partition(":")[2].partition(".")
        space = modules.setdefault(hook.module, {})
        if not member and hook.value_type:
            space[name] = {}
            continue
        if not member and not name[0].isupper():
            space[name] = function_of(name, hook.parameters)
            continue
        made = space[name] = classes.setdefault(name, type(name, (), {}))
        if hook.value_type == name:
            setattr(made, member, made())
        elif hook.value_type:
            setattr(made, member, {})
        elif member:
            setattr(made, member, function_of(member, hook.parameters))
        else:
            made.__init__ = function_of("__init__", ("self", *hook.parameters))
    return modules


def snapshot(value):
    """The contents of modules, classes, registries and dictionaries; everything else as it is."""
    if isinstance(value, Registry):
        return dict(value.modules)
    if isinstance(value, dict):
        return {key: snapshot(each) for key, each in value.items()}
    if isinstance(value, (ModuleType, type)) and value is not object:
        space = {key: each for key, each in vars(value).items() if not key.startswith("__")}
        return id(value), snapshot(space)
    return value


@pytest.fixture(params=sorted(ADAPTERS))
def case(request, monkeypatch):
    """(name, adapter, modules of its trainer)."""
    adapter = ADAPTERS[request.param]
    modules = stand_ins(adapter.TRAINER)
    for name, space in MORE.get(request.param, dict)().items():
        modules.setdefault(name, {}).update(space)
    Registry.modules = {}
    return request.param, adapter, placed(monkeypatch, modules)


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_an_adapter_follows_the_protocol(name):
    adapter = ADAPTERS[name]
    assert isinstance(adapter, Adapter)
    assert {"TRAINER", "install"} <= set(adapter.__all__)
    first = next(iter(inspect.signature(adapter.install).parameters.values()))
    assert (first.name, first.default) == ("settings", None)
    assert adapter.install.__doc__


@pytest.mark.parametrize("settings", [None, {"estimator": "rloo"}])
def test_undo_leaves_the_trainer_as_it_was(case, settings):
    name, adapter, modules = case
    before = [snapshot(module) for module in modules]
    for _ in range(2):
        undo = adapter.install(settings)
        changed = before != [snapshot(module) for module in modules]
        assert changed is (name not in WITHOUT_PATCHES)
        undo()
        assert before == [snapshot(module) for module in modules]


def test_a_trainer_that_moved_is_refused_and_left_as_it_was(case):
    _, adapter, modules = case
    for module in modules:
        for key, value in list(vars(module).items()):
            if inspect.isfunction(value):
                setattr(module, key, lambda moved: None)
            elif isinstance(value, type) and value.__module__ == __name__ and value is not Registry:
                for method in [each for each in vars(value) if not each.startswith("__")]:
                    if inspect.isfunction(vars(value)[method]):
                        setattr(value, method, lambda moved: None)
                value.__init__ = lambda self, moved: None
    before = [snapshot(module) for module in modules]
    with pytest.raises(HookError):
        adapter.install()
    assert before == [snapshot(module) for module in modules]
