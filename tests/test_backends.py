"""Every function that lets its backend be chosen gives the reference's numbers on each of them."""

import inspect

import pytest
import torch
from helpers import F64, MASKS, QUICK, VARIANTS, arguments, results

from creditlib.testing import agree

CHOOSE = [v for v in VARIANTS if "backend" in inspect.signature(v.function).parameters]


def test_statistics_let_their_backend_be_chosen():
    functions = {variant.name for variant in CHOOSE}
    assert functions >= {"grpo", "rloo", "gigpo", "igpo", "a2tgpo", "pure", "duration_weight"}


@pytest.mark.parametrize("chosen", [name for name in QUICK if name != "torch"])
@pytest.mark.parametrize("variant", CHOOSE, ids=str)
def test_a_backend_gives_the_numbers_of_the_reference(variant, chosen):
    for seed in range(8):
        optional = bool(variant.options) or seed % 2 == 0
        x = arguments(variant, seed=seed, dtype=F64, batch=3 + 4 * seed, optional=optional)
        expected = results(variant(x, backend="torch"))
        for ours, theirs in zip(results(variant(x, backend=chosen)), expected, strict=True):
            floats = any(value.is_floating_point() for value in x.values())
            kind = torch.bool if variant.name in MASKS else F64 if floats else torch.float32
            assert ours.dtype == theirs.dtype == kind
            assert agree(ours, theirs)
