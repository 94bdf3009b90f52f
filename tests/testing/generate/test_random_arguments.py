import pytest
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

import creditlib as cl
from creditlib.inputs.check_batch import check_batch
from creditlib.registry import public_functions
from creditlib.testing import random_arguments
from creditlib.vocabulary import (
    CoalitionValue,
    Group,
    JoinOrder,
    Reward,
    Turn,
    TurnCount,
    TurnReward,
)
from creditlib.vocabulary.annotations import tensors_of
from creditlib.vocabulary.contract import check_tensors

FUNCTIONS = {**public_functions(), "to_tokens": cl.to_tokens, "turn_sum": cl.turn_sum}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("optional", [False, True])
def test_arguments_keep_the_contract(name, optional):
    function = FUNCTIONS[name]
    arguments = random_arguments(function, optional=optional)
    described = tensors_of(function)
    check_tensors(name, tuple(described.values()), arguments)
    wanted = {each.name for each in described.values() if each.required or optional} - {
        "offsets",
        "out",
    }
    assert set(arguments) == wanted


@pytest.mark.parametrize("name", sorted(public_functions()))
def test_values_are_in_the_ranges_of_the_vocabulary(name):
    for seed in range(5):
        check_batch(random_arguments(FUNCTIONS[name], seed=seed, optional=True))


def test_a_seed_gives_the_same_arguments_and_another_one_others():
    one, again, other = (random_arguments(cl.gigpo, seed=seed) for seed in (3, 3, 4))
    assert all(torch.equal(one[name].nan_to_num(9), again[name].nan_to_num(9)) for name in one)
    assert not torch.equal(one["reward"], other["reward"])


def joined(*, join_order: JoinOrder, coalition_value: CoalitionValue, turn_count: TurnCount):
    """Never called."""


def test_each_order_names_every_turn_once_and_its_values_are_one_more():
    seen = set()
    for seed in range(5):
        x = random_arguments(joined, seed=seed)
        assert x["join_order"].shape[:2] == x["coalition_value"].shape[:2]
        for rows, values, count in zip(
            *map(x.get, ("join_order", "coalition_value")), x["turn_count"].tolist(), strict=True
        ):
            for row, value in zip(rows.tolist(), values, strict=True):
                assert sorted(row[:count]) == list(range(count))
                assert row[count:] == [-1] * (5 - count)
                assert value[: count + 1].isfinite().all()
                assert value[count + 1 :].isnan().all()
                seen.add(tuple(row))
    assert len(seen) > 20


def test_the_global_generator_is_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    random_arguments(cl.gigpo)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_floats_have_the_dtype_asked_for(dtype):
    arguments = random_arguments(cl.gigpo, dtype=dtype)
    assert {x.dtype for x in arguments.values() if x.is_floating_point()} == {dtype}


def sample(function, **options):
    return [random_arguments(function, seed=seed, **options) for seed in range(20)]


def test_the_cases_that_break_estimators_are_drawn():
    """Lone and larger groups, equal rewards, trajectories without turns and full ones."""
    batches = sample(cl.gigpo, optional=True)
    sizes = [int(n) for batch in batches for n in batch["group"].unique(return_counts=True)[1]]
    assert {1, 2, 5} <= set(sizes)
    assert any(bool((batch["group"] < 0).any()) for batch in batches)
    counts = torch.cat([batch["turn_count"] for batch in batches])
    assert set(counts.tolist()) == set(range(6))
    assert any(len(batch["reward"].unique()) < len(batch["reward"]) for batch in batches)
    assert any(not bool(batch["valid"].all()) for batch in batches)


def test_padding_is_nan_and_nothing_else_is():
    for batch in sample(cl.gigpo):
        padding = torch.arange(5) >= batch["turn_count"][:, None]
        assert torch.equal(batch["turn_reward"].isnan(), padding)
        assert batch["reward"].isfinite().all()
    for batch in sample(cl.gae):
        assert torch.equal(batch["value"].isnan(), batch["turn"] < 0)


def test_turn_maps_agree_with_counts_and_lengths_and_have_gaps():
    def function(
        turn: Turn, turn_count: TurnCount, turn_length: Int[Tensor, "batch turn"], length: Group
    ):
        return turn, turn_count, turn_length, length

    kinds = set()
    for batch in sample(function):
        turn = batch["turn"]
        assert torch.equal(cl.layouts.count_turns(turn), batch["turn_count"])
        assert torch.equal((turn >= 0).sum(1), batch["length"])
        ones = torch.ones(turn.shape)
        assert torch.equal(cl.turn_sum(ones, turn, 5).to(torch.int64), batch["turn_length"])
        for row in turn.tolist():
            written = [k for k in row if k >= 0]
            assert written == sorted(written)
            if written:
                last = len(row) - row[::-1].index(written[-1])
                inside = row[row.index(written[0]) : last]
                kinds |= {("before", row[0] < 0), ("gap", -1 in inside), ("after", last < len(row))}
    assert {("before", True), ("before", False), ("gap", True), ("after", True)} <= kinds


def test_tables_as_wide_as_asked_for_even_when_small():
    for tokens in (1, 2, 24):
        batch = random_arguments(cl.gae, batch=7, turns=3, tokens=tokens)
        assert batch["turn"].shape == batch["value"].shape == (7, tokens)
    assert random_arguments(cl.gigpo, batch=0)["turn_reward"].shape == (0, 5)
    assert random_arguments(cl.gigpo, batch=1, turns=0)["anchor"].shape == (1, 0)


def test_a_strangers_estimator_is_drawn_for_too():
    def patient(
        *,
        reward: Reward,
        turn_reward: TurnReward,
        tired: Float[Tensor, "batch turn"],
        flags: Bool[Tensor, "batch milestone"],
        rate: float = 0.5,
    ):
        return reward, turn_reward, tired, flags, rate

    arguments = random_arguments(patient)
    assert sorted(arguments) == ["flags", "reward", "tired", "turn_reward"]
    assert arguments["tired"].shape == (12, 5)
    assert arguments["flags"].dtype == torch.bool
