"""Credit assignment: pure functions from the rewards of trajectories to advantages of tokens.

An estimator returns one number per trajectory, turn or token. Combine numbers of trajectories and
turns with + and *. Then call `to_tokens` once to get one number per token. `creditlib.algebra`
holds the parts that methods are made of, and `creditlib.recipes` holds whole methods.
"""

# isort: off
# Before all others: it takes the current folder off the path of `python -m creditlib`.
from creditlib import start as _start  # noqa: F401  # pyright: ignore[reportUnusedImport]

# isort: on
from typing import TYPE_CHECKING

from creditlib import algebra as algebra
from creditlib import distributed as distributed
from creditlib import estimators as _estimators
from creditlib import presets as presets
from creditlib import recipes as recipes
from creditlib import shaping as _shaping
from creditlib import streaming as streaming
from creditlib import weighting as _weighting
from creditlib.algebra import contrast as contrast
from creditlib.algebra import per_turn as per_turn
from creditlib.algebra import to_tokens as to_tokens
from creditlib.algebra import turn_sum as turn_sum
from creditlib.algebra import whiten as whiten
from creditlib.algebra import whitening_stats as whitening_stats
from creditlib.diagnostics import diagnose as diagnose
from creditlib.estimators import *  # noqa: F403
from creditlib.inputs import layouts as layouts
from creditlib.inputs.check_batch import check_batch as check_batch
from creditlib.inputs.ids import anchor_ids as anchor_ids
from creditlib.inputs.ids import ids as ids
from creditlib.inputs.tensors import tensors as tensors
from creditlib.registry import apply as apply
from creditlib.registry import resolve as resolve
from creditlib.shaping import *  # noqa: F403
from creditlib.version import __version__ as __version__
from creditlib.vocabulary.messages import ContractError as ContractError
from creditlib.weighting import *  # noqa: F403

if not TYPE_CHECKING:  # a type checker reads the lines above
    __all__ = sorted(
        [
            *("ContractError", "__version__", "algebra", "anchor_ids", "apply", "check_batch"),
            *(
                "contrast",
                "diagnose",
                "distributed",
                "ids",
                "layouts",
                "presets",
                "recipes",
                "resolve",
            ),
            *(
                "per_turn",
                "streaming",
                "tensors",
                "to_tokens",
                "turn_sum",
                "whiten",
                "whitening_stats",
            ),
            *(_estimators.__all__ + _shaping.__all__ + _weighting.__all__),
        ]
    )
