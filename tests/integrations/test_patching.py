import importlib
import sys
from types import ModuleType

import pytest

from creditlib.integrations import patching
from creditlib.integrations.patching import (
    Hook,
    HookError,
    InstalledSettings,
    Trainer,
    locate,
    post_import_hook,
    replace,
    replace_all,
    unwrap,
    verify,
)


@pytest.fixture
def trainer(monkeypatch):
    """A trainer of one module with a function and a class."""
    module = ModuleType("some_trainer")

    def compute(data, gamma=1.0):
        return data * gamma

    class Driver:
        def step(self, batch):
            return batch

    module.compute, module.Driver = compute, Driver
    monkeypatch.setitem(sys.modules, "some_trainer", module)
    hooks = (
        Hook("some_trainer:compute", ("data", "gamma")),
        Hook("some_trainer:Driver.step", ("self", "batch")),
    )
    return Trainer("some trainer", "torch", ("1.0", "1.1"), hooks)


def test_a_hook_as_known_is_located(trainer):
    compute, step = trainer.hooks
    assert verify(trainer, compute)(2, 3) == 6
    assert locate(trainer, step)[:2] == (sys.modules["some_trainer"].Driver, "step")
    assert step.module == "some_trainer"


def test_a_hook_that_moved_names_the_version_tried_and_those_known(trainer):
    sys.modules["some_trainer"].compute = lambda batch, gamma: batch
    with pytest.raises(HookError) as caught:
        verify(trainer, trainer.hooks[0])
    assert str(caught.value) == (
        f"some trainer {trainer.version}: `some_trainer:compute` must be (data, gamma) "
        "as in 1.0, 1.1, got (batch, gamma)."
    )


def test_a_missing_hook_raises(trainer):
    del sys.modules["some_trainer"].Driver.step
    with pytest.raises(HookError, match=r"must be \(self, batch\) as in 1.0, 1.1, got Attribute"):
        locate(trainer, trainer.hooks[1])


def test_a_trainer_that_is_not_installed_raises():
    absent = Trainer("absent", "no-such-package", ("1",), (Hook("no_such_package:f", ()),))
    with pytest.raises(HookError, match=r"^absent is not installed"):
        verify(absent, absent.hooks[0])


def other(inner):
    return lambda data, gamma=1.0: 100 + inner(data, gamma)


def test_a_replacement_can_be_undone(trainer):
    hook, module = trainer.hooks[0], sys.modules["some_trainer"]
    original = module.compute
    undo = replace(trainer, hook, lambda inner: lambda data, gamma=1.0: -inner(data, gamma))
    assert module.compute(2, 3) == -6
    assert unwrap(module.compute) is original
    undo()
    assert module.compute is original


def test_a_second_replacement_does_not_silently_keep_the_settings_of_the_first(trainer, refusal):
    hook, module = trainer.hooks[0], sys.modules["some_trainer"]
    replace(trainer, hook, other)
    assert refusal(replace, trainer, hook, other) == (
        "some trainer: `install` must be called once, or again after the undo function it "
        "returned, got a second call."
    )
    replace(trainer, hook, other, again=True)()
    assert module.compute(2, 3) == 106


def test_another_adapters_replacement_is_wrapped(trainer):
    """agent-lightning passes on verl's function, which verl's adapter has replaced already."""
    hook, module = trainer.hooks[0], sys.modules["some_trainer"]
    replace(trainer, hook, other)
    second = Trainer("second", "torch", ("1.0",), (hook,))
    undo = replace(second, hook, lambda inner: lambda *args, **more: -inner(*args, **more))
    assert module.compute(2, 3) == -106
    undo()
    assert module.compute(2, 3) == 106


def test_a_hook_that_moved_is_not_replaced(trainer):
    module = sys.modules["some_trainer"]
    module.compute = moved = lambda batch: batch
    with pytest.raises(HookError):
        replace(trainer, trainer.hooks[0], lambda inner: print)
    assert module.compute is moved


def test_several_hooks_are_replaced_together_or_not_at_all(trainer):
    compute, step = trainer.hooks
    module = sys.modules["some_trainer"]
    original, method = module.compute, module.Driver.step
    wraps = {compute: other, step: lambda inner: lambda self, batch: -batch}
    undo = replace_all(trainer, wraps)
    assert (module.compute(2, 3), module.Driver().step(1)) == (106, -1)
    undo()
    assert (module.compute, module.Driver.step) == (original, method)
    module.Driver.step = lambda self, moved: moved
    with pytest.raises(HookError, match=r"must be \(self, batch\)"):
        replace_all(trainer, wraps)
    assert module.compute is original


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package whose parts can be imported; the finder is as it was afterwards."""
    (tmp_path / "late").mkdir()
    (tmp_path / "late" / "__init__.py").touch()
    (tmp_path / "late" / "part.py").write_text("number = 1\n")
    (tmp_path / "late" / "broken.py").write_text("raise RuntimeError('no')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "late"
    for name in [name for name in sys.modules if name.split(".")[0] == "late"]:
        del sys.modules[name]
    patching._FINDER.waiting.clear()


def test_the_action_runs_right_after_the_import(package):
    seen = []
    post_import_hook("late.part", lambda module: seen.append(module.number))
    assert seen == []
    assert importlib.import_module("late.part").number == 1
    assert seen == [1]
    importlib.reload(sys.modules["late.part"])
    assert seen == [1]


def test_the_action_runs_at_once_for_an_imported_module(package):
    importlib.import_module("late.part")
    seen = []
    post_import_hook("late.part", lambda module: seen.append(module.__name__))
    assert seen == ["late.part"]


def test_several_may_wait_for_one_module(package):
    seen = []
    post_import_hook("late.part", lambda module: seen.append("first"))
    post_import_hook("late.part", lambda module: seen.append("second"))
    importlib.import_module("late.part")
    assert seen == ["first", "second"]


def test_imports_fail_as_they_would(package):
    post_import_hook("late.broken", lambda module: pytest.fail("it was not imported"))
    post_import_hook("late.missing", lambda module: pytest.fail("it does not exist"))
    with pytest.raises(RuntimeError, match="no"):
        importlib.import_module("late.broken")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("late.missing")


def test_an_action_that_was_not_called_can_be_cancelled(package):
    seen = []
    cancel = post_import_hook("late.part", lambda module: seen.append("cancelled"))
    post_import_hook("late.part", lambda module: seen.append("called"))
    cancel()
    cancel()
    importlib.import_module("late.part")
    assert seen == ["called"]
    cancel()


def test_installed_settings_are_restored_in_order():
    installed = InstalledSettings()
    first = installed.install({"scale": None})
    second = installed.install(None)
    assert installed.current == {}
    second()
    assert installed.current == {"scale": None}
    first()
    assert installed.current == {}


def test_a_registry_is_a_hook_by_the_name_of_its_type(monkeypatch):
    """By hand: a dictionary is known; a list, a function and nothing are refused."""
    module = ModuleType("some_registry")
    monkeypatch.setitem(sys.modules, "some_registry", module)
    hook = Hook("some_registry:NAMES", value_type="dict")
    some = Trainer("Some", "no-such-package", ("1.0",), (hook,))
    for value, got in (([], "list"), (len, "builtin_function_or_method")):
        module.NAMES = value
        with pytest.raises(HookError) as caught:
            verify(some, hook)
        assert str(caught.value) == (
            f"Some: `some_registry:NAMES` must be dict as in 1.0, got {got}."
        )
    module.NAMES = {"a": 1}
    assert verify(some, hook) is module.NAMES
    del module.NAMES
    with pytest.raises(HookError, match=r"must be dict as in 1\.0, got AttributeError"):
        verify(some, hook)


def test_a_function_that_became_a_value_is_refused(monkeypatch):
    module = ModuleType("some_registry")
    module.add = {}
    monkeypatch.setitem(sys.modules, "some_registry", module)
    hook = Hook("some_registry:add", ("name",))
    with pytest.raises(HookError, match=r"must be \(name\) as in 1.0, got dict"):
        verify(Trainer("Some", "no-such-package", ("1.0",), (hook,)), hook)
