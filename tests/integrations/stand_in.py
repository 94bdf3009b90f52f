"""Modules of a trainer that is not installed: plain names in plain modules.

A stand-in has only what was recorded of the trainer in `signatures`. So an adapter cannot pass on
a stand-in that has a name where the adapter looks for it and the trainer does not.
"""

import json
import sys
from pathlib import Path
from types import ModuleType

SIGNATURES = Path(__file__).parent / "signatures"
# Not of a trainer that is recorded: Megatron's version is the choice of slime's user.
BESIDE = {"megatron.core:mpu"}


def recorded_names():
    """Every "module:name" at the top of a module that a recorded hook names."""
    records = [json.loads(path.read_text()) for path in SIGNATURES.glob("*.json")]
    paths = {path for record in records for path in record["hooks"]}
    return BESIDE | {
        ":".join((m, a.partition(".")[0])) for m, _, a in (p.partition(":") for p in paths)
    }


def placed(monkeypatch, modules):
    """Put modules where an import finds them: {"package.module": {"attribute": value}}."""
    given = {f"{name}:{attribute}" for name, space in modules.items() for attribute in space}
    unknown = given - recorded_names()
    assert not unknown, f"no recorded hook has {sorted(unknown)}"
    for name, attributes in modules.items():
        module = ModuleType(name)
        vars(module).update(attributes)
        monkeypatch.setitem(sys.modules, name, module)
    return [sys.modules[name] for name in modules]
