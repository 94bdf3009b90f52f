"""Discounted sums of what follows, along turns and along the tokens that the policy wrote."""

from creditlib.ops.backend.operation import Operation
from creditlib.ops.backend.sizes import same_shape, token_sizes
from creditlib.ops.backend.torch_library import per_token
from creditlib.ops.returns import reference

__all__ = [
    "decayed_returns",
    "gae",
    "token_returns",
    "turn_returns",
    "whitened_gae",
    "whitened_returns",
]

_of_reward = per_token("reward")
_of_reward_and_value = per_token("reward", "value")

token_returns = Operation(
    reference.token_returns,
    schema="(Tensor reward, Tensor turn, float gamma, Tensor? present=None, "
    "Tensor? offsets=None) -> Tensor",
    check=token_sizes,
    whole=True,
    shape=_of_reward,
)

whitened_returns = Operation(
    reference.whitened_returns,
    schema="(Tensor reward, Tensor turn, float gamma, float eps, Tensor? present=None, "
    "Tensor? offsets=None) -> (Tensor, Tensor)",
    check=token_sizes,
    whole=True,
    shape=lambda given: (_of_reward(given), _of_reward(given)),
)

gae = Operation(
    reference.gae,
    schema="(Tensor reward, Tensor value, Tensor turn, float gamma, float lam, "
    "Tensor? bootstrap=None, Tensor? present=None, Tensor? offsets=None) -> (Tensor, Tensor)",
    check=token_sizes,
    whole=True,
    shape=lambda given: (_of_reward_and_value(given), _of_reward_and_value(given)),
)

whitened_gae = Operation(
    reference.whitened_gae,
    schema="(Tensor reward, Tensor value, Tensor turn, float gamma, float lam, float eps, "
    "Tensor? bootstrap=None, Tensor? present=None, Tensor? offsets=None) -> (Tensor, Tensor)",
    check=token_sizes,
    whole=True,
    shape=lambda given: (_of_reward_and_value(given), _of_reward_and_value(given)),
)

turn_returns = Operation(
    reference.turn_returns,
    schema="(Tensor x, Tensor where, float gamma) -> Tensor",
    check=same_shape("x", "where"),
    whole=True,
    shape=lambda given: given["x"].new_empty(given["x"].shape),
)

decayed_returns = Operation(
    reference.decayed_returns,
    schema="(Tensor x, Tensor where, Tensor decay) -> Tensor",
    check=same_shape("x", "where", "decay"),
    whole=True,
    shape=lambda given: given["x"].new_empty(given["x"].shape),
)
