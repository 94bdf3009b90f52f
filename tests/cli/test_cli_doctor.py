import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from cli_runs import error_of, run

from creditlib.cli import doctor
from creditlib.cli.allocator import Cost
from creditlib.cli.doctor import Finding
from creditlib.integrations.patching import Hook, Trainer, parameters_of
from creditlib.registry import Plugin
from creditlib.version import __version__
from creditlib.vocabulary.argument_spec import ArgumentSpec
from creditlib.vocabulary.backends import problem_of


def found(section):
    return {one.name: (one.fact, one.state) for one in doctor.examine() if one.section == section}


def test_versions_come_from_metadata():
    versions = found("versions")
    assert versions["creditlib"] == (__version__, "ok")
    assert versions["torch"] == (version("torch"), "ok")
    assert versions["python"][0] == ".".join(map(str, sys.version_info[:3]))


def test_an_absent_package_is_no_fault(monkeypatch):
    monkeypatch.setattr(doctor, "_PACKAGES", ("no-such-package-anywhere",))
    assert found("versions")["no-such-package-anywhere"] == ("not installed", "absent")


def test_every_package_of_an_extra_is_listed():
    tomllib = pytest.importorskip("tomllib", reason="new in Python 3.11")
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8")
    project = tomllib.loads(text)["project"]
    extras = project["optional-dependencies"]
    names = ("cpu", "gpu", "cli", "parquet", "anchors", "laws", "plots", "demo")
    wanted = [*project["dependencies"], *(each for name in names for each in extras[name])]
    packages = {re.match(r"[\w-]+", each)[0] for each in wanted} - {"creditlib"}
    assert packages <= set(found("versions"))


def test_a_plugin_under_a_name_of_ours_is_a_fault(monkeypatch):
    offered = [
        Plugin("grpo", "pkg.mod:grpo", len, None),
        Plugin("rloo", "pkg.mod:rloo", None, "ImportError: no\n\x1b[2Jluck"),
    ]
    monkeypatch.setattr(doctor, "plugins", lambda: offered)
    assert found("plug-ins") == {
        "grpo": ("pkg.mod:grpo is shadowed by creditlib's own grpo", "failed"),
        "rloo": (
            "pkg.mod:rloo is shadowed by creditlib's own rloo and failed: ImportError: no [2Jluck",
            "failed",
        ),
    }


def test_devices(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert found("devices") == {
        "cpu": ("1 thread for torch", "ok"),
        "cuda": ("no device", "absent"),
    }
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"device {index}")
    assert found("devices")["cuda:0"] == ("device 0", "ok")


def test_memory_says_the_allocator_and_what_a_tensor_costs(monkeypatch):
    monkeypatch.setattr(doctor, "allocator", lambda: "glibc 2.36")
    monkeypatch.setattr(doctor, "cost", lambda: Cost(page_faults=8193, copies=4.5))
    monkeypatch.setattr(doctor, "settings", lambda environment: {})
    memory = found("memory")
    assert memory["allocator"] == ("glibc 2.36 with default settings", "ok")
    assert memory["new tensor"][0].endswith("memory that exists (8,193 page faults)")
    assert memory["cure"][0].startswith("MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=")
    monkeypatch.setattr(doctor, "allocator", lambda: None)
    assert found("memory") == {}


def test_backends_are_counted_by_their_folders(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "_OPERATIONS", tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name in ("returns/numba_loops.py", "returns/triton_launch.py", "tokens/triton_launch.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setattr(doctor, "PROBLEMS", {"numba": "", "triton": ""})
    assert found("backends")["torch"] == ("works: the reference of every operation", "ok")
    assert found("backends")["numba"] == ("works: 1 operations have compiled loops", "ok")
    assert found("backends")["triton"] == ("no CUDA device: 2 operations have kernels", "absent")


@pytest.mark.parametrize(
    ("version", "disabled", "fact"),
    [
        (None, False, "it is not installed"),
        ("0.59.1", False, "it is version 0.59.1 and must be at least 0.60"),
        ("0.60.0", True, "it is switched off by NUMBA_DISABLE_JIT"),
    ],
)
def test_a_backend_that_is_not_used_is_listed_with_the_reason(version, disabled, fact, monkeypatch):
    problems = {"numba": problem_of("numba", version, disabled), "triton": ""}
    monkeypatch.setattr(doctor, "PROBLEMS", problems)
    got, state = found("backends")["numba"]
    assert got.startswith(f"not used, because {fact}: ")
    assert state == "absent"


def test_the_package_has_loops_and_kernels():
    assert int(found("backends")["numba"][0].split()[1]) >= 4
    assert int(found("backends")["triton"][0].split(": ")[1].split()[0]) >= 4


def test_plugins(monkeypatch):
    monkeypatch.setattr(doctor, "plugins", list)
    assert found("plug-ins") == {"none": ("no installed package has any", "absent")}
    offered = [
        Plugin("fine", "pkg.mod:fine", len, None),
        Plugin("lost", "pkg.mod:lost", None, "ImportError: no"),
    ]
    monkeypatch.setattr(doctor, "plugins", lambda: offered)
    assert found("plug-ins") == {
        "fine": ("pkg.mod:fine", "ok"),
        "lost": ("pkg.mod:lost failed: ImportError: no", "failed"),
    }


def test_every_trainer_with_an_adapter_is_known():
    known = doctor.trainers()
    assert {"verl", "trl", "skyrl", "slime", "openrlhf"} <= set(known)
    assert all(trainer.known and trainer.hooks for trainer in known.values())


@pytest.fixture
def trainer(monkeypatch):
    """A trainer whose hooks are a function of torch as it is, as it is not, and none."""
    hooks = (
        Hook("creditlib.vocabulary.argument_spec:ArgumentSpec", parameters_of(ArgumentSpec)),
        Hook("creditlib.registry:title", ("name",)),
        Hook("creditlib.registry:no_such", ()),
    )
    made = Trainer("some", "torch", ("0.1",), hooks)
    monkeypatch.setattr(doctor, "trainers", lambda: {"some_trainer": made})
    return made


def test_a_trainers_hooks_are_looked_at_one_by_one(trainer):
    found = doctor.examine_trainer("some-trainer")
    assert [one.state for one in found] == ["ok", "ok", "failed", "failed"]
    assert found[0].fact == f"{version('torch')}, which is not tested; tested: 0.1"
    assert found[1].fact == "as tested"
    assert found[2].fact == "takes (function), tested with (name)"
    assert found[3].fact.startswith(
        f"some {version('torch')}: `creditlib.registry:no_such` must be ()"
    )


def test_a_trainer_that_is_absent_or_unknown_is_said(trainer, monkeypatch, refusal):
    absent = Trainer("some", "no-such-package-anywhere", ("0.1",), ())
    monkeypatch.setattr(doctor, "trainers", lambda: {"some_trainer": absent})
    assert doctor.examine_trainer("some_trainer")[0].fact == "not installed; tested: 0.1"
    assert refusal(doctor.examine_trainer, "other") == (
        "doctor: `trainer` must be one of some_trainer, got 'other'."
    )


def test_a_trainers_findings_are_printed(monkeypatch):
    found = [Finding("verl", "plug-in creditlib", "creditlib.integrations.verl.plugin")]
    monkeypatch.setattr(doctor, "examine_trainer", lambda name: found if name == "verl" else [])
    result = run("doctor", "verl")
    assert result.exit_code == 0
    assert "plug-in creditlib" in result.output


def test_a_fault_is_an_exit_code(monkeypatch):
    broken = [Finding("verl", "plug-in creditlib", "failed: ImportError: no", "failed")]
    monkeypatch.setattr(doctor, "examine_trainer", lambda name: broken)
    result = run("doctor", "verl")
    assert result.exit_code == 1
    assert "ImportError: no" in result.output


def test_findings_as_json(monkeypatch):
    monkeypatch.setattr(doctor, "plugins", list)
    found = run("doctor", "--json")
    read = json.loads(found.stdout)
    assert (found.exit_code, read["works"]) == (0, True)
    first = {"section": "versions", "name": "creditlib", "fact": __version__, "state": "ok"}
    assert read["findings"][0] == first
    broken = [Finding("verl", "plug-in creditlib", "failed: ImportError: no", "failed")]
    monkeypatch.setattr(doctor, "examine_trainer", lambda name: broken)
    found = run("doctor", "verl", "--json")
    assert (found.exit_code, json.loads(found.stdout)["works"]) == (1, False)


def test_an_unknown_trainer_is_one_sentence(monkeypatch, capsys):
    found = error_of(monkeypatch, capsys, "doctor", "nobody")
    assert "doctor: `trainer` must be one of" in found


def test_doctor_fails_only_for_a_plugin_that_does(monkeypatch):
    monkeypatch.setattr(doctor, "plugins", list)
    assert run("doctor").exit_code == 0
    broken = Plugin("lost", "pkg.mod:lost", None, "ImportError: no")
    monkeypatch.setattr(doctor, "plugins", lambda: [broken])
    found = run("doctor")
    assert found.exit_code == 1
    assert "pkg.mod:lost failed: ImportError: no" in found.output


def test_doctor_reads_the_entry_points_of_installed_packages(tmp_path):
    metadata = tmp_path / "stranger-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[creditlib.estimators]\nfine = creditlib:grpo\nlost = no_such_module_at_all:credit\n"
    )
    program = (
        f"import sys; sys.path.append({str(tmp_path)!r}); from creditlib.cli import main; main()"
    )
    found = subprocess.run(
        [sys.executable, "-c", program, "doctor"], capture_output=True, text=True
    )
    assert found.returncode == 1
    assert "fine        creditlib:grpo" in found.stdout
    assert "no_such_module_at_all:credit failed: ModuleNotFoundError" in found.stdout
    assert found.stderr == ""
