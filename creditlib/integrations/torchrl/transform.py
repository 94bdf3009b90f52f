"""TorchRL: a transform that writes credit when trajectories enter a replay buffer.

Use `rb.append_transform(CreditTransform("grpo"))`, or `CreditTransform(...).inv(data)` in a loop.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from creditlib.integrations.patching import Hook, InstalledSettings, Trainer, verify
from creditlib.integrations.torchrl.tensordict import Keys, credit_tensordict
from creditlib.rows.settings import credit_settings

__all__ = ["TRAINER", "install"]

_TRANSFORM = "torchrl.envs.transforms:Transform"

TRAINER = Trainer(
    "TorchRL",
    "torchrl",
    ("0.14.1",),
    (
        Hook(_TRANSFORM, ("in_keys", "out_keys", "in_keys_inv", "out_keys_inv")),
        Hook(f"{_TRANSFORM}._inv_call", ("self", "tensordict")),
    ),
)


_INSTALLED = InstalledSettings()


def install(settings: Mapping[str, Any] | None = None) -> Callable[[], None]:
    """Verify the hooks, and make `settings` the defaults of `CreditTransform()` in this process.

    Nothing of TorchRL is patched: users add the transform to a replay buffer themselves. The
    returned function restores the defaults.
    """
    for hook in TRAINER.hooks:
        verify(TRAINER, hook)
    credit_settings(settings, estimator="grpo")  # a wrong name fails now
    return _INSTALLED.install(settings)


@functools.cache
def _made() -> type[Any]:
    """The class; a copy in another process finds it by module and name."""
    base = verify(TRAINER, TRAINER.hooks[0])
    verify(TRAINER, TRAINER.hooks[1])

    class CreditTransform(base):
        """Write credit when whole groups enter a buffer; see `credit_tensordict`.

        credit: an estimator, or a mapping as `credit_settings` reads it; without it the installed
        settings count, or "grpo". `options` are options of the estimator. `metrics` holds numbers
        about the last write.
        """

        def __init__(
            self,
            credit: Any = None,
            *,
            keys: Mapping[str, Any] | None = None,
            time: str = "token",
            columns: tuple[str, ...] = (),
            **options: Any,
        ) -> None:
            super().__init__()
            given = _INSTALLED.current if credit is None else credit
            mapping = given if hasattr(given, "keys") else {"estimator": given}
            self.settings = credit_settings({**mapping, **options}, estimator="grpo")
            self.keys_read = Keys(**(keys or {}))
            self.time_step, self.columns = time, tuple(columns)
            self.metrics: dict[str, float] = {}

        def _inv_call(self, tensordict: Any) -> Any:
            self.metrics = credit_tensordict(
                tensordict,
                settings=self.settings,
                keys=self.keys_read,
                time=self.time_step,
                columns=self.columns,
            )
            return tensordict

    CreditTransform.__module__, CreditTransform.__qualname__ = __name__, "CreditTransform"
    return CreditTransform


def __getattr__(name: str) -> Any:
    if name == "CreditTransform":
        return _made()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
