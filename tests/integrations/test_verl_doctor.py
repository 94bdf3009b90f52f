import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest
import stand_in_verl as stand_in

from creditlib.integrations.verl import doctor, registry

OURS = EntryPoint("creditlib", "creditlib.integrations.verl", "verl.plugins")
BROKEN = EntryPoint("other", "no_such_package_anywhere", "verl.plugins")


@pytest.fixture
def installed(monkeypatch):
    """verl with two plug-ins; creditlib is loaded and registered."""
    core = stand_in.core()
    monkeypatch.setitem(sys.modules, "verl", ModuleType("verl"))
    monkeypatch.setitem(sys.modules, stand_in.CORE, core)
    monkeypatch.setattr(registry, "patch_drivers", lambda errors: None)
    monkeypatch.setattr(doctor, "entry_points", lambda group: [OURS, BROKEN])
    monkeypatch.delenv("VERL_USE_EXTERNAL_PLUGINS", raising=False)
    monkeypatch.setattr(doctor, "PATCH_ERRORS", [])
    registry.register()
    return core


def health():
    return {name: (fact, well) for name, fact, well in doctor.health()}


def test_a_broken_plugin_that_verl_ignores_is_reported(installed):
    found = health()
    assert found["plug-in creditlib"] == ("creditlib.integrations.verl", True)
    fact, well = found["plug-in other"]
    assert fact.startswith("no_such_package_anywhere failed: ModuleNotFoundError:")
    assert not well
    count = len(installed.ADV_ESTIMATOR_REGISTRY)
    assert found["registry"][0].startswith(f"{count} estimators, from creditlib_")
    assert found["registry"][1]


@pytest.mark.parametrize("policy", ["none", "other"])
def test_a_policy_that_excludes_creditlib_is_reported(installed, monkeypatch, policy):
    monkeypatch.setenv("VERL_USE_EXTERNAL_PLUGINS", policy)
    assert health()["plug-in creditlib"] == (
        f"excluded by VERL_USE_EXTERNAL_PLUGINS={policy}",
        False,
    )


def test_a_policy_that_names_creditlib_is_fine(installed, monkeypatch):
    monkeypatch.setenv("VERL_USE_EXTERNAL_PLUGINS", " Creditlib , more")
    found = health()
    assert found["plug-in creditlib"][1]
    assert found["plug-in other"][1]  # excluded on purpose


def test_a_package_that_is_only_importable_is_reported(installed, monkeypatch):
    monkeypatch.setattr(doctor, "entry_points", lambda group: [])
    assert health()["plug-in creditlib"] == (
        "no entry point in verl.plugins: creditlib is importable but not installed",
        False,
    )


def test_names_that_the_registry_lacks_are_reported(installed):
    del installed.ADV_ESTIMATOR_REGISTRY["creditlib_gigpo"]
    assert health()["registry"] == ("lacks creditlib_gigpo", False)


def test_a_driver_that_moved_is_reported(installed, monkeypatch):
    monkeypatch.setattr(doctor, "PATCH_ERRORS", ["verl 9.9: …"])
    assert health()["drivers"] == ("verl 9.9: …", False)
