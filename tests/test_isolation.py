"""Who may influence whom: groups, excluded rows, order, labels, and nothing outside the call."""

import pytest
import torch
from helpers import F64, MASKS, TOKENS, TURNS, VARIANTS, arguments, assert_same, results

import creditlib as cl
from creditlib.testing import assert_close

pytestmark = pytest.mark.usefixtures("quick_backend")

SEEDS = range(3)
# Statistics that run over the batch by definition.
BATCHWIDE = ("gdpo", "gpg", "reinforce_plus_plus_baseline", "grae_weight")
GROUPED = [
    v
    for v in VARIANTS
    if "group" in arguments(v)
    and v.name not in BATCHWIDE
    and "scale_over" not in v.options
    and v.options.get("conserve") != "batch"
    and v.options.get("over") != "turn_of_batch"
    and (v.name != "duration_weight" or v.options.get("over") == "group")
]
VALID = [v for v in VARIANTS if "valid" in arguments(v)]
LABELLED = [v for v in VARIANTS if "group" in arguments(v)]


def double(variant, seed):
    return arguments(variant, seed=seed, dtype=F64, batch=14)


@pytest.mark.parametrize("variant", GROUPED, ids=str)
def test_groups_are_independent(variant):
    for seed in SEEDS:
        x, other = double(variant, seed), double(variant, seed + 100)
        own = x["group"] == x["group"][0]
        assert own.sum() < len(own)
        mixed = {
            name: torch.where(own.view(-1, *[1] * (t.ndim - 1)), t, other[name])
            for name, t in x.items()
        }
        mixed["group"] = x["group"]
        assert_same(variant(mixed)[own], variant(x)[own])


@pytest.mark.parametrize("variant", VALID, ids=str)
def test_excluded_rows_equal_deleted_rows(variant):
    for seed in SEEDS:
        x = double(variant, seed)
        valid = x["valid"]
        for name, tensor in x.items():
            if tensor.is_floating_point():
                x[name] = tensor.clone()
                x[name][~valid] = torch.nan
        kept = {name: tensor[valid] for name, tensor in x.items() if name != "valid"}
        for result, other in zip(results(variant(x)), results(variant(kept)), strict=True):
            assert_close(result[valid], other)
            assert not result[~valid].any()
        for nobody in results(variant({**x, "valid": torch.zeros_like(valid)})):
            assert not nobody.any()


# Of answers with equal shares the one of the first row wins, and so do tokens of equal scores.
ORDERED = [
    v
    for v in VARIANTS
    if v.options.get("how") != "majority" and (v.name != "top_fraction" or not v.options)
]


@pytest.mark.parametrize("variant", ORDERED, ids=str)
def test_the_order_of_trajectories_does_not_matter(variant):
    for seed in SEEDS:
        x = double(variant, seed)
        order = torch.randperm(14, generator=torch.Generator().manual_seed(seed))
        shuffled = variant({name: tensor[order] for name, tensor in x.items()})
        for ours, plain in zip(results(shuffled), results(variant(x)), strict=True):
            same = assert_same if variant.name in MASKS else assert_close
            same(ours, plain[order] if plain.ndim else plain)


@pytest.mark.parametrize("variant", LABELLED, ids=str)
def test_labels_do_not_matter(variant):
    x = double(variant, 1)
    plain = variant(x)
    huge = torch.iinfo(torch.int64)
    for relabel in (
        lambda ids: huge.min + ids * 2**50 + 2**52,
        lambda ids: huge.max - ids - 100,
        lambda ids: (-ids * 7 - 5).to(torch.int32),
        lambda ids: ids.to(torch.int16),
    ):
        assert_same(variant({**x, "group": relabel(x["group"])}), plain)
    if "anchor" in x:
        for relabel in (lambda ids: huge.max - ids, lambda ids: (ids * 7 + 5).to(torch.int32)):
            assert_same(variant({**x, "anchor": relabel(x["anchor"])}), plain)


def test_equal_anchors_of_two_groups_are_two_states():
    # the returns 1, 3 and 10, 30 share the id 5: means 2 and 20
    batch = {
        "reward": torch.zeros(4),
        "group": torch.tensor([1, 1, 2, 2]),
        "turn_reward": torch.tensor([[1.0], [3.0], [10.0], [30.0]]),
        "anchor": torch.full((4, 1), 5),
        "turn_count": torch.ones(4, dtype=torch.int64),
    }
    assert cl.gigpo(**batch, scale=None).flatten().tolist() == [-1, 1, -10, 10]


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_inputs_are_untouched_results_detached_and_calls_repeat(variant):
    x = {
        name: tensor.requires_grad_() if tensor.is_floating_point() else tensor
        for name, tensor in arguments(variant).items()
    }
    before = {name: tensor.detach().clone() for name, tensor in x.items()}
    first, second = variant(x), variant(x)
    assert_same(first, second)
    inputs = {tensor.data_ptr() for tensor in x.values()}
    for part in results(first):
        assert not part.requires_grad
        assert part.device == next(iter(x.values())).device
        assert part.isfinite().all()
        assert part.data_ptr() not in inputs
    for name, tensor in x.items():
        assert torch.equal(tensor.detach().nan_to_num(7.5), before[name].nan_to_num(7.5))


def without_columns(x):
    """No turns and no tokens; a coalition has one value more than there are turns."""
    if x.ndim == 3 and x.shape[1] not in (TURNS, TOKENS):
        return x[..., : x.shape[2] - TURNS]
    return x[:, :0] if x.ndim > 1 and x.shape[1] in (TURNS, TOKENS) else x


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_empty_batches_and_trajectories_without_turns(variant):
    x = arguments(variant)
    for part in results(variant({name: tensor[:0] for name, tensor in x.items()})):
        assert part.isfinite().all()
        assert part.numel() == 0 or part.ndim == 0
    bare = dict(x)
    if "turn" in x:
        bare["turn"] = torch.full_like(x["turn"], -1)
    if "turn_count" in x:
        bare["turn_count"] = torch.zeros_like(x["turn_count"])
    if len(bare.keys() & {"turn", "turn_count"}) == 0:
        return  # knows neither turns nor tokens
    for part in results(variant(bare)):
        assert not part.any()
    narrow = {name: without_columns(tensor) for name, tensor in bare.items()}
    turns = (
        {"turns": 0}
        if variant.name.startswith(("turn_sum", "per_turn", "outcome", "import"))
        else {}
    )
    for part in results(variant(narrow, **turns)):
        assert not part.any()
        assert part.ndim == 1 or part.shape[1] == 0  # trajectories have no other axis
