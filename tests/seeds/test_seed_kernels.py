"""Golden numbers of methods that Triton's kernels serve, through the kernels.

Without a GPU they run in Triton's interpreter: one batch and a few outputs of each method.
"""

import pytest
import test_seed_appo
import test_seed_graph_grpo
import test_seed_hgpo
import test_seed_multi_gae
import test_seed_turn_scores
import torch
from helpers import implementation
from seed_numbers import compare

import creditlib as cl
from creditlib.ops.backend import dispatch
from creditlib.vocabulary.backends import INSTALLED

pytestmark = pytest.mark.skipif(not INSTALLED["triton"], reason="triton is not installed")

RUNS = {
    ("appo", "advantage"): test_seed_appo.RUNS["advantage"],
    ("graph_grpo", "credit"): test_seed_graph_grpo.RUNS["credit"],
    ("hgpo", "h2"): lambda x: cl.hgpo(**x, **test_seed_hgpo.OPTIONS["h2"]),
    ("multi_gae", "advantages"): test_seed_multi_gae.RUNS["advantages"],
    **{
        ("turn_scores", name): lambda x, name=name: cl.grpo_process(
            **x, **test_seed_turn_scores.OPTIONS[name]
        )
        for name in ("anchor_sum", "batch_turn", "turn_sum_loo_ended")
    },
}
KIND = {"hgpo": "golden, returns in float32"}


SLOW = {("graph_grpo", "credit"), ("turn_scores", "anchor_sum"), ("turn_scores", "batch_turn")}
CASES = [
    pytest.param(*case, marks=[pytest.mark.nightly] if case in SLOW else [], id="-".join(case))
    for case in RUNS
]


@pytest.mark.parametrize(("system", "name"), CASES)
def test_the_numbers_through_the_kernels(monkeypatch, system, name):
    monkeypatch.setattr(dispatch, "implementation_of", implementation)
    monkeypatch.setattr(dispatch, "default_backend", lambda device: "triton")
    compare(system, 11, name, torch.float32, RUNS[system, name], KIND.get(system))
