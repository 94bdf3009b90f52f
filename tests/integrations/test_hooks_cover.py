"""Everything that an adapter takes from its trainer is a hook, so `creditlib doctor` examines it.

An adapter whose hooks list less than it touches is called "as tested" by the doctor and fails at
its first call. `taken` reads the source of the adapter; the tests at the end show that it finds a
violation of each form.
"""

import importlib
import pkgutil
from pathlib import Path

import pytest
from taken import covered, taken

from creditlib import integrations
from creditlib.integrations import Hook, adapters

# Taken without being a hook, each with its reason.
EXPLAINED = {
    "slime": {
        "megatron.core:mpu.get_data_parallel_world_size": "of Megatron, whose version slime's user "
        "chooses; it is called with a keyword that every version has",
    },
}


def sources(name):
    """(source, namespace) of the files of an adapter."""
    module = importlib.import_module(f"{integrations.__name__}.{name}")
    named = [module.__name__]
    if hasattr(module, "__path__"):
        named += [
            f"{module.__name__}.{each.name}" for each in pkgutil.iter_modules(module.__path__)
        ]
    for each in named:
        if not each.endswith(".plugin"):  # it registers when it is imported
            loaded = importlib.import_module(each)
            yield Path(loaded.__file__).read_text(), vars(loaded)


def uncovered(files, hooks, explained=()):
    """The paths that files take and that neither a hook nor an explanation covers."""
    values = [hook.path for hook in hooks if hook.value_type]
    every = [*(hook.path for hook in hooks), *explained]
    paths = {path for source, namespace in files for path in taken(source, namespace)}
    return {path for path in paths if not covered(path, every, values)}


@pytest.mark.parametrize("name", sorted(adapters()))
def test_everything_that_an_adapter_takes_is_a_hook(name):
    explained = EXPLAINED.get(name, {})
    assert uncovered(sources(name), adapters()[name].TRAINER.hooks, explained) == set()


@pytest.mark.parametrize("name", sorted(EXPLAINED))
def test_every_explanation_is_needed(name):
    assert set(EXPLAINED[name]) <= uncovered(sources(name), adapters()[name].TRAINER.hooks)


def test_the_walk_sees_what_adapters_are_known_to_take():
    """Without this a walk that finds nothing would pass."""
    trinity = {path for source, space in sources("trinity") for path in taken(source, space)}
    assert "trinity.algorithm.advantage_fn:AdvantageFn" in trinity
    assert {"*:process", "*:compute_in_trainer", "*:default_args"} <= trinity
    assert "trinity.buffer.operators:ExperienceOperator" in trinity
    rllm = {path for source, space in sources("rllm") for path in taken(source, space)}
    assert "rllm.trainer.algorithms.advantage:rLLMAdvantageEstimator" in rllm


HOOKS = (
    Hook("trainer.core:Registry.add", ("name",)),
    Hook("trainer.core:NAMES", value_type="dict"),
    Hook("trainer.core:Base.step", ("self",)),
)
PLANTED = {
    "the attribute of an imported module": ("x = import_module(PLACE).OTHER", "OTHER"),
    "through a name": ("m = importlib.import_module(PLACE)\nm.OTHER(1)", "OTHER"),
    "through an annotated name": ("m: Any = importlib.import_module(PLACE)\nm.OTHER", "OTHER"),
    "inside a function": ("def f():\n    m = import_module(PLACE)\n    return m.OTHER", "OTHER"),
    "an import statement": ("from trainer.core import OTHER", "OTHER"),
    "an import of the module": ("import trainer.core as c\nc.OTHER", "OTHER"),
    "getattr with a constant": ("getattr(import_module(PLACE), 'OTHER')", "OTHER"),
    "sys.modules": ("sys.modules[PLACE].OTHER", "OTHER"),
    "another module": ("import_module(PLACE + '.far').NAMES", "trainer.core.far:NAMES"),
    "another method of a class": ("import_module(PLACE).Registry.remove", "Registry.remove"),
    "from a hook to its class": (
        "add = verify(TRAINER, HOOKS[0])\nadd.__self__.remove('x')",
        "Registry.add.__self__.remove",
    ),
    "a method that is replaced": ("class A(base):\n    def other(self): ...", "*:other"),
    "a method that is called": ("class A(base):\n    def step(self): super().other()", "*:other"),
    "through a parameter": ("def patch(m: ModuleType): m.OTHER", "?:OTHER"),
}


@pytest.mark.parametrize("form", PLANTED)
def test_a_planted_violation_is_found(form):
    source, attribute = PLANTED[form]
    space = {"PLACE": "trainer.core", "HOOKS": HOOKS}
    found = uncovered([(source, space)], HOOKS)
    assert (attribute if ":" in attribute else f"trainer.core:{attribute}") in found


def test_what_is_a_hook_is_no_violation():
    source = """
def f(m: ModuleType):
    core = import_module(PLACE)
    core.Registry.add("x")
    core.NAMES.items()
    class A(core.Base): ...
    return m.NAMES, verify(TRAINER, HOOKS[0])("x")

class B(base):
    def __init__(self): super().__init__()
    def step(self): return super().step()
"""
    space = {"PLACE": "trainer.core", "HOOKS": HOOKS}
    assert uncovered([(source, space)], HOOKS) == set()
