"""GAE over tokens with discounts of its own between turns, or with every turn an episode."""

from creditlib.ops.backend.operation import Operation
from creditlib.ops.backend.sizes import token_sizes
from creditlib.ops.backend.torch_library import per_token
from creditlib.ops.two_level import reference

__all__ = ["two_level_gae"]

_of_reward_and_value = per_token("reward", "value")

two_level_gae = Operation(
    reference.two_level_gae,
    schema="(Tensor reward, Tensor value, Tensor turn, float gamma, float lam, float turn_gamma, "
    "float turn_lam, bool restart=False, Tensor? bootstrap=None, Tensor? present=None, "
    "Tensor? offsets=None) -> (Tensor, Tensor)",
    check=token_sizes,
    whole=True,
    shape=lambda given: (_of_reward_and_value(given), _of_reward_and_value(given)),
)
