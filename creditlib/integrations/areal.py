"""AReaL: a mixin for its PPO actor, which offers no hook for advantages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import Tensor

from creditlib.estimators import gae
from creditlib.inputs.layouts import macro_actions
from creditlib.integrations.patching import Hook, Trainer, locate, replace, verify
from creditlib.rows.columns import named_columns
from creditlib.rows.credit import RowCredit, credit_rows
from creditlib.rows.names import PREFIX
from creditlib.rows.read import outcome_of, read_rows
from creditlib.rows.settings import CreditSettings, credit_settings, merge_settings
from creditlib.vocabulary.messages import contract_error

__all__ = ["TRAINER", "credit_actor", "install"]

_ACTOR = "areal.trainer.ppo.actor:PPOActor"
TRAINER = Trainer(
    name="AReaL",
    package="areal",
    known=("1.0.4",),
    hooks=(
        Hook(f"{_ACTOR}._compute_advantages", ("self", "data")),
        Hook(_ACTOR, ("config", "engine")),
        Hook("areal.utils.stats_tracker:scalar", ("**kwargs",)),
    ),
)
_COMPUTE, _CLASS, _LOG = TRAINER.hooks
# The main branch after 1.0.4 also hands over what it knows of the batch.
_NEXT = Hook(_COMPUTE.path, ("self", "data", "meta"))
_KEY = "creditlib"


def install(settings: Mapping[str, Any] | None = None) -> Callable[[], None]:
    """Replace AReaL's PPOActor by `credit_actor(PPOActor)`; the returned function undoes it.

    An engine looks the class up when it is built: call this before, in each training worker. The
    field `creditlib` of the actor's configuration overrides `settings`.
    """
    return replace(TRAINER, _CLASS, lambda base: credit_actor(cast("Any", base), settings))


def credit_actor(base: type[Any], settings: Mapping[str, Any] | None = None) -> type[Any]:
    """A subclass of AReaL's PPOActor that computes credit by `settings`.

    `base` does its own work first (length penalty, KL, shift of the masks); then its advantages and
    returns are replaced. A group is a number of consecutive rows, `config.reward_norm.group_size`
    or `group_size` in the settings. Columns are read from `data["creditlib_<name>"]`.

    Where AReaL's `gae_timestep_unit` is "turn", as its main branch offers it, the estimator `gae`
    is `turn_gae` over the turns of `data["turn_ids"]`: a turn has the value at its first token
    (`value_at` in the settings names another one), the outcome is earned at the last turn, and the
    KL penalty of a token stays a penalty of that token, as in AReaL. A `gae_lambda` that is a
    function gives each trajectory its own trace decay.
    """
    if _COMPUTE.form_of(locate(TRAINER, _COMPUTE)[2]) != _NEXT.form:
        verify(TRAINER, _COMPUTE)
    log = verify(TRAINER, _LOG)

    class CreditActor(base):
        def _compute_advantages(self, data: dict[str, Any], *meta: Any) -> dict[str, Any]:
            whole = merge_settings(settings, getattr(self.config, _KEY, None))
            group_size = whole.pop("group_size", None)
            custom = getattr(self, "_gae_lambda_is_custom", False)
            defaults = {"gamma": self.discount, "lam": 1.0 if custom else self.gae_lambda}
            resolved = credit_settings(whole, estimator="grpo", defaults=defaults)
            turns = _turns(self, data) if resolved.estimator is gae else None
            if turns is not None:
                resolved = credit_settings({**whole, "estimator": "turn_gae"}, defaults=defaults)
            if custom and turns is None and "lam" in resolved.options:
                wanted = "a number, or `gae_timestep_unit` 'turn'"
                raise contract_error("areal", "gae_lambda", wanted, repr(self.gae_lambda))
            size = _group_size(self.config, group_size, resolved, len(data["rewards"]))
            columns = {name: data[name] for name in data if name.startswith(PREFIX)}
            plain = {name: data[name] for name in data if name not in columns}
            done = super()._compute_advantages(plain, *meta)
            if custom and turns is not None:
                decay = self._compute_gae_lambda(done["loss_mask"], _rolled(data["turn_ids"]))
                columns[f"{PREFIX}row_lam"] = decay
            score = (done["rewards"] + self.reward_bias) * self.reward_scaling
            score = score.clip(min=-self.reward_clip, max=self.reward_clip)
            credit = _credit(done, score, size, resolved, columns, turns)
            mask, advantage = done["loss_mask"], credit.advantage
            if turns is not None:
                advantage = advantage + torch.where(mask != 0, done["kl_rewards"], 0.0)
            if self.adv_norm is not None:
                advantage = torch.where(mask != 0, self.adv_norm(advantage, mask), 0.0)
            done["advantages"] = advantage.to(done["advantages"].dtype)
            done["returns"] = credit.returns.to(done["returns"].dtype, copy=True)
            log(**credit.metrics)
            return done

    CreditActor.__name__ = f"Credit{base.__name__}"
    return CreditActor


def _credit(
    data: Mapping[str, Any],
    score: Tensor,
    size: int,
    settings: CreditSettings,
    columns: Mapping[str, Any],
    turns: Tensor | None,
) -> RowCredit:
    mask = data["loss_mask"]  # shifted: a token lies where the logits that chose it lie
    penalty = torch.where((mask != 0) & (turns is None), data["kl_rewards"], 0.0)
    last = (data["attention_mask"].sum(-1).long() - 2).clamp(min=0)
    token_reward = penalty.float().scatter_add(1, last[:, None], score[:, None].float())
    rows = read_rows(
        mask=mask,
        group=[row // size for row in range(len(mask))],
        reward=outcome_of(token_reward, torch.ones_like(mask)),
        token_reward=token_reward,
        value=data.get("values"),
        turn=turns,
        columns=named_columns(columns, mask, settings),
        settings=settings,
    )
    return credit_rows(rows, settings)


def _turns(actor: Any, data: Mapping[str, Any]) -> Tensor | None:
    """The turn of each token by its number in the row, None where a step of AReaL is a token."""
    if getattr(actor, "gae_timestep_unit", "token") != "turn":
        return None
    if data.get("turn_ids") is None:
        raise contract_error("areal", "turn_ids", "given: `gae_timestep_unit` is 'turn'", "nothing")
    ids = _rolled(data["turn_ids"])
    written = torch.roll(data["loss_mask"], shifts=-1, dims=-1) != 0
    # AReaL skips the ids of turns without a token that is trained.
    return macro_actions(torch.where(written, ids, -1), size=max(ids.shape[1], 1))[0]


def _rolled(turn_ids: Tensor) -> Tensor:
    """Ids where the logits that chose a token lie, as AReaL itself shifts them."""
    ids = torch.roll(turn_ids, shifts=-1, dims=-1)
    ids[:, -1:] = -1
    return ids


def _group_size(config: Any, given: object, settings: CreditSettings, rows: int) -> int:
    """The number of rows of a group; it must divide the rows of the batch."""
    if config.mask_no_eos_with_zero:
        wanted = "False (AReaL treats the longest row of a batch as truncated)"
        raise contract_error("areal", "mask_no_eos_with_zero", wanted, "True")
    sizes = {
        f"{name}.group_size": norm.group_size
        for name, norm in (("reward_norm", config.reward_norm), ("adv_norm", config.adv_norm))
        if norm is not None and "group" in (norm.mean_level, norm.std_level)
    }
    if given is not None:
        sizes["group_size"] = given
    size = sizes.get(
        "group_size", sizes.get("reward_norm.group_size", 0 if "group" in settings.needs else 1)
    )
    if not isinstance(size, int) or size < 1:
        wanted = "given in the settings, or by a reward_norm with a group level"
        raise contract_error("areal", "group_size", wanted, repr(given))
    for name, each in sizes.items():
        if rows % each:
            raise contract_error(
                "areal", name, f"a divisor of the {rows} rows of the batch", str(each)
            )
    return size
