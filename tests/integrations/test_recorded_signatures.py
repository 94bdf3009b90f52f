"""The hooks of adapters are those that were recorded; `tests/trainers` checks the trainers."""

import json
from pathlib import Path

import pytest

from creditlib.integrations import adapters

SIGNATURES = Path(__file__).parent / "signatures"
RECORDS = sorted(SIGNATURES.glob("*.json"))
ADAPTERS = sorted(adapters())


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_expects_what_was_recorded(name):
    record = json.loads((SIGNATURES / f"{name}.json").read_text())
    trainer = adapters()[name].TRAINER
    forms = {hook.path: hook.value_type or list(hook.parameters) for hook in trainer.hooks}
    assert forms == record["hooks"]
    assert record["package"] == trainer.package
    assert record["version"] in trainer.known
    assert record["seen"] == "installed" or record["seen"].startswith("source ")


def test_every_record_has_an_adapter():
    assert [path.stem for path in RECORDS] == ADAPTERS
