import functools

import pytest
import torch
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

import creditlib as cl
from creditlib.registry import public_functions
from creditlib.testing.generate.strategies import FAMILIES, batches
from creditlib.vocabulary.annotations import tensors_of
from creditlib.vocabulary.contract import check_tensors

FUNCTIONS = {**public_functions(), "to_tokens": cl.to_tokens, "turn_sum": cl.turn_sum}
OPTIONAL = ("valid", "anchor", "turn_reward", "turn_count")


@functools.cache
def sample(name, **more):
    """A few hundred batches."""
    drawn = []

    @settings(max_examples=300, suppress_health_check=list(HealthCheck))
    @given(batches(FUNCTIONS[name], **more))
    def draw(batch):
        drawn.append(batch)

    draw()
    return drawn


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_batch_keeps_the_contract_and_lies_in_the_ranges(name):
    function = FUNCTIONS[name]
    tensors = tuple(tensors_of(function).values())
    required = {tensor.name for tensor in tensors if tensor.required}

    @settings(max_examples=40, suppress_health_check=list(HealthCheck))
    @given(batches(function))
    def check(batch):
        check_tensors(name, tensors, batch)
        cl.check_batch(batch)
        assert required <= set(batch)

    check()


def test_groups_have_one_to_sixty_four_members():
    sizes = {
        int(size)
        for batch in sample("grpo")
        for size in batch["group"].unique(return_counts=True)[1]
    }
    assert {1, 2, 3} <= sizes
    assert 60 < max(sizes) <= 68


def test_turns_are_ragged_and_rows_may_have_none():
    counts = {tuple(batch["turn_count"].tolist()) for batch in sample("gigpo")}
    assert {count for row in counts for count in row} == set(range(5))
    assert any(len(set(row)) > 1 for row in counts)
    assert any(
        batch["turn_reward"].shape[1] > int(batch["turn_count"].max()) for batch in sample("gigpo")
    )


def test_tool_output_lies_before_between_and_after_and_padding_on_either_side():
    seen = set()
    for batch in sample("gae", include=("present",), exclude=("offsets",)):
        for turn, present in zip(batch["turn"].tolist(), batch["present"].tolist(), strict=True):
            if True not in present:
                continue
            first, last = present.index(True), len(present) - present[::-1].index(True)
            assert all(present[first:last])
            inside = turn[first:last]
            mine = [at for at, k in enumerate(inside) if k >= 0]
            if not mine:
                seen.add("nothing written")
                continue
            seen |= {"left"} if first else set()
            seen |= {"right"} if last < len(present) else set()
            seen |= {"lead"} if mine[0] else set()
            seen |= {"tail"} if mine[-1] + 1 < len(inside) else set()
            seen |= {"gap"} if -1 in inside[mine[0] : mine[-1]] else set()
    assert seen == {"nothing written", "left", "right", "lead", "tail", "gap"}


def test_packed_batches_are_drawn_where_they_can_be_taken():
    packed = ["offsets" in batch for batch in sample("gae")]
    assert True in packed
    assert False in packed
    assert all("present" not in batch for batch in sample("gae") if "offsets" in batch)


def test_excluded_rows_and_the_absence_of_the_choice_are_drawn():
    assert any("valid" not in batch for batch in sample("grpo"))
    assert any(not bool(batch["valid"].all()) for batch in sample("grpo") if "valid" in batch)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_makes_the_rewards(family):
    values = [
        set(batch["reward"].tolist())
        for batch in sample("rloo", families=(family,), dtypes=(torch.float64,))
    ]
    every = set().union(*values)
    assert {
        "two-valued": every == {0.0, 1.0},
        "dyadic": all((4 * value).is_integer() for value in every) and len(every) == 8,
        "tied": every == {0.0, 0.5, 1.0},
        "non-dyadic": 0.1 in every and 1 / 3 in every,
        "offset": min(every) > 10_000 and max(every) < 10_001,
        "constant": all(len(value) == 1 for value in values) and len(every) == 14,
        "drawn": len(every) > 20,
    }[family]


def test_floats_have_the_dtypes_asked_for():
    kinds = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
    seen = {batch["reward"].dtype for batch in sample("rloo", dtypes=kinds)}
    assert seen == set(kinds)
    assert {batch["reward"].dtype for batch in sample("rloo")} == {torch.float32, torch.float64}


def test_parts_stay_below_the_whole_and_log_probabilities_below_zero():
    for batch in sample("completion_weight"):
        assert bool((batch["finished"] <= batch["started"]).all())
    gold = torch.cat([batch["gold_log_prob"].flatten() for batch in sample("information_gain")])
    assert float(gold.max()) <= 0
    assert float(gold.min()) < 0


def test_optional_tensors_are_taken_and_left_as_asked():
    assert all("valid" in batch for batch in sample("gigpo", include=("valid",)))
    assert not any("valid" in batch for batch in sample("gigpo", exclude=("valid",)))
    assert not any("valid" in batch for batch in sample("gigpo", optional=False))


def test_rows_are_as_many_as_asked_for():
    assert {len(batch["reward"]) for batch in sample("rloo", least=0, most=0)} == {0}
    few = {len(batch["reward"]) for batch in sample("rloo", least=2, most=3, crowds=False)}
    assert few == {2, 3}


def test_padding_holds_what_is_asked_for():
    for batch in sample("gae", fill=2.0, exclude=("offsets",)):
        assert bool((batch["value"][batch["turn"] < 0] == 2).all())


def test_a_batch_shrinks_to_one_short_trajectory_of_zeros():
    smallest = find(batches("gigpo"), lambda batch: True)
    assert {name: x.flatten().tolist() for name, x in smallest.items()} == {
        "reward": [0.0],
        "group": [0],
        "turn_reward": [0.0],
        "anchor": [0],
        "turn_count": [1],
    }
    two = find(batches("rloo"), lambda batch: bool((batch["reward"] > 0).any()))
    assert two["reward"].tolist() == [1.0]


def test_the_strategy_can_be_part_of_another():
    pairs = st.tuples(batches("rloo"), st.integers(0, 3))
    batch, number = find(pairs, lambda pair: pair[1] == 2)
    assert (len(batch["reward"]), number) == (1, 2)


def test_a_misspelt_name_is_refused(refusal):
    assert refusal(batches, "grpo", families=["tid"]).endswith("got 'tid' (did you mean 'tied'?).")
    for option in ("include", "exclude"):
        assert refusal(batches, "grpo", **{option: ["vald"]}) == (
            f"batches: `{option}` must be one of 'reward', 'group', 'valid', got 'vald' (did you "
            "mean 'valid'?)."
        )
