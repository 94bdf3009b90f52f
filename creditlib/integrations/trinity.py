"""Trinity-RFT: an advantage function for its registry.

Call `install()` or `register()` in a file of `--plugin-dir`, set `algorithm.advantage_fn:
creditlib`, and put the settings into `algorithm.advantage_fn_args`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from creditlib.integrations.patching import Hook, Trainer, verify
from creditlib.rows.columns import columns_from
from creditlib.rows.credit import credit_rows
from creditlib.rows.padding import padded, unpadded
from creditlib.rows.read import read_rows
from creditlib.rows.settings import CreditSettings, credit_settings, merge_settings
from creditlib.vocabulary.messages import contract_error

__all__ = ["TRAINER", "credit_experiences", "credit_function", "install", "register"]

_FUNCTIONS = "trinity.algorithm.advantage_fn"
_OPERATORS = "trinity.buffer.operators"

TRAINER = Trainer(
    "Trinity-RFT",
    "trinity-rft",
    ("0.6.0",),
    (
        Hook(
            f"{_FUNCTIONS}:ADVANTAGE_FN.register_module",
            ("module_name", "module_cls", "force", "lazy"),
        ),
        Hook(f"{_FUNCTIONS}:ADVANTAGE_FN.modules", value_type="dict"),
        Hook(f"{_FUNCTIONS}:AdvantageFn.__call__", ("self", "exps", "**kwargs")),
        Hook(f"{_FUNCTIONS}:AdvantageFn.compute_in_trainer", ()),
        Hook(f"{_FUNCTIONS}:AdvantageFn.default_args", ()),
        Hook(f"{_OPERATORS}:ExperienceOperator.process", ("self", "exps")),
    ),
)
_REGISTER, _MODULES = TRAINER.hooks[:2]


def credit_experiences(exps: Sequence[Any], settings: CreditSettings) -> dict[str, float]:
    """Write `advantages` and `returns`, float32[response], into experiences; metrics are returned.

    A group is a task of a batch, a trajectory is a run of the task, a row is a step of the run.
    Columns are read from `info`; there `env_state_hash` may stand for `anchor`, and `step_reward`
    for `turn_reward`. Anchors are compared inside a task.
    """
    if not exps:
        return {}
    _refuse_shared_ids(exps)
    masks = [torch.as_tensor(each.action_mask) for each in exps]
    holders = [_columns(each.info or {}) for each in exps]
    ids = [each.eid for each in exps]
    rows = read_rows(
        mask=padded(masks),
        group=[(eid.batch, eid.task) for eid in ids],
        reward=[each.reward for each in exps],
        trajectory=[(eid.batch, eid.task, eid.run) for eid in ids],
        step=[eid.step for eid in ids],
        columns=columns_from(holders, settings),
        settings=settings,
    )
    credit = credit_rows(rows, settings)
    lengths = [len(mask) for mask in masks]
    both = (unpadded(x, lengths) for x in (credit.advantage, credit.returns))
    for each, advantage, returns in zip(exps, *both, strict=True):
        each.advantages, each.returns = advantage, returns
    return credit.metrics


def _columns(info: Mapping[str, Any]) -> dict[str, Any]:
    """`info` with Trinity's own names of columns under the names of the vocabulary too."""
    return {"anchor": info.get("env_state_hash"), "turn_reward": info.get("step_reward"), **info}


def _refuse_shared_ids(exps: Sequence[Any]) -> None:
    """Rows with one id are copies; different answers with one id mean that runs have no numbers."""
    seen: dict[tuple[Any, ...], Any] = {}
    for each in exps:
        eid = each.eid
        key = (eid.batch, eid.task, eid.run, eid.step)
        first = seen.setdefault(key, each)
        if each.action_mask is None:
            raise contract_error("Trinity-RFT", "action_mask", "int[response]", "nothing")
        if not torch.equal(torch.as_tensor(first.tokens), torch.as_tensor(each.tokens)):
            fact = f"two answers of task {eid.task} with run {eid.run} and step {eid.step}"
            raise contract_error("Trinity-RFT", "eid.run", "set by the workflow for each run", fact)


def credit_function(*bases: type[Any], settings: Mapping[str, Any] | None = None) -> type[Any]:
    """An advantage function class of Trinity; its arguments override `settings`."""

    class CreditAdvantageFn(*bases):  # pyright: ignore[reportUntypedBaseClass]
        def __init__(self, **arguments: Any) -> None:
            whole = merge_settings(settings, arguments)
            self.settings = credit_settings(whole, estimator="grpo")

        def process(self, exps: list[Any]) -> tuple[list[Any], dict[str, Any]]:
            return exps, credit_experiences(exps, self.settings)

        def __call__(self, exps: list[Any], **kwargs: Any) -> tuple[list[Any], dict[str, Any]]:
            return self.process(exps)

        @classmethod
        def compute_in_trainer(cls) -> bool:
            return False

        @classmethod
        def default_args(cls) -> dict[str, Any]:
            return {"estimator": "grpo", **(settings or {})}

    return CreditAdvantageFn


def register(name: str = "creditlib", settings: Mapping[str, Any] | None = None) -> type[Any]:
    """Register the class under a name for `algorithm.advantage_fn`, with default settings."""
    for hook in TRAINER.hooks:
        verify(TRAINER, hook)
    functions: Any = importlib.import_module(_FUNCTIONS)
    operators: Any = importlib.import_module(_OPERATORS)
    made = credit_function(functions.AdvantageFn, operators.ExperienceOperator, settings=settings)
    verify(TRAINER, _REGISTER)(name, made)
    return made


def install(settings: Mapping[str, Any] | None = None) -> Callable[[], None]:
    """Register the class as `creditlib`; the returned function removes it from the registry.

    `algorithm.advantage_fn_args` overrides `settings`.
    """
    register(settings=settings)
    modules: dict[str, Any] = verify(TRAINER, _MODULES)

    def undo() -> None:
        del modules["creditlib"]

    return undo
