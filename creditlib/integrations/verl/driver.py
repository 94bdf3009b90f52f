"""Patches of verl's two drivers, which hold what verl's registry does not pass on.

v0 (`ray_trainer`) has one row for each rollout; what an agent loop put into `extra_fields` is in
`non_tensor_batch` by its name. v1 (`v1.trainer_base`) has a row for each output of a session, named
`{uid}_{session}_{output}`; `extra_fields` is fetched from its queue. Both drivers are patched after
their import. A driver whose functions are not as known is left as it is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from creditlib.integrations.patching import HookError, post_import_hook, replace_all
from creditlib.integrations.verl.batch import Step, credit_verl_batch
from creditlib.integrations.verl.settings import TRAINER
from creditlib.rows.credit import RowCredit
from creditlib.rows.names import is_ours

__all__ = ["patch_drivers"]

_V0, _DATA_METRICS, _V1, _V1_STEP = TRAINER.hooks[1:5]

_STEP: ContextVar[Step | None] = ContextVar("creditlib_verl_step", default=None)
# v0 logs what `compute_data_metrics` returns. The last credit waits for it here, so that numbers
# for the logger are computed where they are logged.
_WAITING: list[RowCredit] = []


def patch_drivers(errors: list[str]) -> Callable[[], None]:
    """Patch the drivers, now or after their import; the returned function undoes it.

    The sentence of a hook that is not as known is added to `errors`.
    """
    undo: list[Callable[[], None]] = []

    def patch(module: ModuleType, driver: Callable[[ModuleType], Callable[[], None]]) -> None:
        try:
            undo.append(driver(module))
        except HookError as error:  # verl's own estimators must keep working
            sentence = str(error)
            errors.append(sentence)
            undo.append(lambda: errors.remove(sentence))

    cancel = [
        post_import_hook(_V0.module, lambda module: patch(module, _patch_v0)),
        post_import_hook(_V1.module, lambda module: patch(module, _patch_v1)),
    ]

    def undo_all() -> None:
        for each in [*cancel, *reversed(undo)]:
            each()

    return undo_all


def _patch_v0(module: ModuleType) -> Callable[[], None]:
    wraps = {_V0: _wrap_compute_advantage, _DATA_METRICS: _wrap_data_metrics}
    return replace_all(TRAINER, wraps, again=True)


def _patch_v1(module: ModuleType) -> Callable[[], None]:
    step = functools.partial(_wrap_v1_step, queue=lambda: module.tq)
    wraps = {_V1: _wrap_multi_trajectories, _V1_STEP: step}
    return replace_all(TRAINER, wraps, again=True)


def _wrap_compute_advantage(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def compute_advantage(data: Any, adv_estimator: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_ours(adv_estimator):
            return original(data, adv_estimator, *args, **kwargs)
        passed = _named(_V0.parameters[2:], args, kwargs)
        _WAITING[:] = [credit_verl_batch(data, adv_estimator, passed)]
        return data

    return compute_advantage


def _wrap_data_metrics(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def compute_data_metrics(*args: Any, **kwargs: Any) -> Any:
        found = original(*args, **kwargs)
        more = [credit.metrics for credit in _WAITING]
        _WAITING.clear()
        return {**found, **more[0]} if more else found

    return compute_data_metrics


def _wrap_multi_trajectories(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def compute_advantage_for_multi_trajectories(
        data: Any, batch_keys: Any, adv_estimator: Any, *args: Any, **kwargs: Any
    ) -> Any:
        if not is_ours(adv_estimator):
            return original(data, batch_keys, adv_estimator, *args, **kwargs)
        passed = _named(_V1.parameters[3:], args, kwargs)
        step = _STEP.get()
        credit = credit_verl_batch(data, adv_estimator, passed, keys=batch_keys, step=step)
        if step is not None:
            step.metrics.update(credit.metrics)
        return data

    return compute_advantage_for_multi_trajectories


def _wrap_v1_step(original: Callable[..., Any], queue: Callable[[], Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def _compute_advantage(self: Any, batch: Any, metrics: dict[str, Any]) -> Any:
        token = _STEP.set(Step(batch, queue(), metrics))
        try:
            return original(self, batch, metrics)
        finally:
            _STEP.reset(token)

    return _compute_advantage


def _named(names: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call by name."""
    return {**dict(zip(names, args, strict=False)), **kwargs}
