import importlib
import json

import pytest
from cli_runs import error_of, run

from creditlib.cli import demo


@pytest.fixture
def training():
    """The package that the command imports from the checkout."""
    return importlib.import_module("examples.textworld")


def test_demo_passes_its_options(monkeypatch, tmp_path, training):
    given = {}
    monkeypatch.setattr(training, "run", lambda **options: given.update(options))
    out = tmp_path / "x.jsonl"
    assert run("demo", "--seeds", "3", "--updates", "5", "--out", out).exit_code == 0
    assert {key: given[key] for key in ("seeds", "updates", "out")} == {
        "seeds": 3,
        "updates": 5,
        "out": out,
    }


def test_a_missing_package_of_the_demo_is_one_sentence(monkeypatch, capsys, training):
    def fail(**options):
        raise ModuleNotFoundError("demo: TextWorld must be installed.", name="textworld")

    monkeypatch.setattr(training, "run", fail)
    assert (
        error_of(monkeypatch, capsys, "demo") == "creditlib: demo: TextWorld must be installed.\n"
    )


def test_without_a_checkout_shipped_rollouts_are_explained(monkeypatch, tmp_path):
    monkeypatch.setattr(demo, "_CHECKOUT", tmp_path)
    monkeypatch.chdir(tmp_path)
    found = run("demo")
    assert found.exit_code == 0
    assert (
        "lies in examples/textworld of creditlib's repository; `make demo` runs it" in found.output
    )
    lines = [json.loads(line) for line in demo._SHIPPED.read_text("utf-8").splitlines()]
    for group in {line["group"] for line in lines}:
        assert f"group {group}: 8 trajectories" in found.output
    header = next(line for line in found.output.splitlines() if "observation" in line)
    assert header.split()[-2:] == ["grpo", "gigpo"]
    assert found.output.endswith(f"  creditlib report {demo._SHIPPED} -e grpo -e gigpo\n")
    assert len(found.output.splitlines()) <= 45
    assert list(tmp_path.iterdir()) == []


def test_the_shipped_file_is_small():
    assert demo._SHIPPED.stat().st_size < 40_000
