"""The numerical promises: constants give exactly 0, precision, rewards are never lost, layouts."""

import functools

import pytest
import torch
from helpers import F64, MASKS, VARIANTS, arguments, assert_same, results, span

import creditlib as cl
from creditlib.inputs import layouts
from creditlib.ops.backend import dispatch
from creditlib.ops.groups import reference as groups
from creditlib.testing import assert_close, random_arguments

pytestmark = pytest.mark.usefixtures("quick_backend")

# 41 sizes x 110 constants x 3 dtypes = 13,530 groups.
SIZES = [*range(1, 34), 37, 41, 47, 53, 57, 60, 63, 64]
MAGNITUDES = [*(10.0 ** (k / 4) for k in range(-24, 25)), 0.1, 0.7, 1 / 3, 1.1, 9.7, 100.1]
CONSTANTS = torch.tensor([sign * x for x in MAGNITUDES for sign in (1, -1)], dtype=F64)
SMALL = [torch.float16, torch.bfloat16]
GROUPED = [
    v
    for v in VARIANTS
    if hasattr(cl.estimators, v.name) and "group" in arguments(v)
    # Its peers are those of the batch, where no constant is the only one.
    if v.options.get("over") != "turn_of_batch"
    # Nothing is subtracted from the value of a node.
    and v.options.get("against", "parent") is not None
]
# PURE divides by no length here: its steps are equally long.
WANTED = {str(v): set(arguments(v)) - ({"length"} if v.name == "pure" else set()) for v in GROUPED}
TOKENS = [v for v in VARIANTS if "turn" in arguments(v)]


def constant_groups(variant, dtype, constants):
    """A batch of constant groups: whatever the members of one could differ in, they share.

    Outcomes, gains, process rewards and the pool of step rewards are the group's constant. GiGPO's
    turns earn it at the last turn, and start from states that differ by turn only. PURE's steps
    are equally long. Token counts differ. lone="raw" promises a group of one its reward, so there
    are none then.
    """
    ordered = variant.options.get("order") == "sum_then_score"
    at_end = variant.name == "gigpo" or ordered
    first = int(variant.options.get("lone") == "raw")
    tensors = equal_members(dtype, tuple(constants.tolist()), first, at_end)
    return {name: tensors[name] for name in WANTED[str(variant)] if name in tensors}


@functools.cache
def equal_members(dtype, numbers, first, at_end):
    """Every tensor of groups of the sizes from `first` on, one group for each number and size."""
    constants, sizes = torch.tensor(numbers, dtype=F64), torch.tensor(SIZES[first:])
    size = sizes.repeat(len(constants))
    group = torch.arange(len(size)).repeat_interleave(size)
    x = constants.repeat_interleave(len(sizes)).repeat_interleave(size).to(dtype)
    turns = 2
    every = x[:, None].expand(-1, turns)
    last = torch.stack([torch.zeros_like(x), x], 1)
    row = torch.arange(len(x))
    return {
        "reward": x,
        "rewards": x[:, None].expand(-1, 3),
        "group": group,
        "length": torch.arange(len(x)) % 7,
        "turn_count": torch.full_like(group, turns),
        "turn_reward": last if at_end else every,
        "information_gain": every,
        "process_reward": every,
        "turn_length": torch.full((len(x), turns), 3),
        "anchor": torch.arange(turns).expand(len(x), turns),
        "action": (row % 3)[:, None].expand(-1, turns),
        "edge": (row[:, None] + torch.arange(3)) % 3 > 0,
        "turn": torch.arange(turns).expand(len(x), turns),
        "token_reward": last,
        "energy": ((row % 5)[:, None] / 4).expand(-1, turns).to(dtype),
        "rollout": row,
        "branch_of": torch.full_like(row, -1),
        "branch_at": torch.zeros_like(row),
        "node": torch.stack([row % 2, row % 3], 1),
        "turn_entropy": ((row % 5)[:, None] / 4).expand(-1, turns).to(dtype),
    }


def zero_of(variant):
    """What a constant group gets: no credit, and an unchanged clip range."""
    return 1.0 if variant.name == "a2tgpo_clip_scale" else 0.0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, F64], ids=str)
@pytest.mark.parametrize("variant", GROUPED, ids=str)
def test_constant_groups_give_exactly_zero(variant, dtype):
    for constants in CONSTANTS.split(5):  # batches of 205 groups
        result = variant(constant_groups(variant, dtype, constants))
        assert_same(result, torch.full_like(result, zero_of(variant)))


def test_there_are_13530_groups_and_the_promise_can_break(monkeypatch):
    assert 3 * len(SIZES) * len(CONSTANTS) == 13_530
    monkeypatch.setattr(dispatch, "default_backend", lambda device: "torch")
    monkeypatch.setattr(groups, "_above_minimum", lambda x, index, where: (x, torch.zeros_like(x)))
    broken = {
        variant.name
        for variant in GROUPED
        if bool((variant(constant_groups(variant, F64, CONSTANTS[-5:])) != zero_of(variant)).any())
    }
    # pass@k subtracts one member from another: it needs no pivot. In the other two the rounding of
    # the first mean is the same in all members, and the second mean takes it away.
    # Trees take the smallest reward off themselves.
    whole = {"pass_at_k", "action_margin", "edge_credit", "tree_credit"}
    assert broken == {variant.name for variant in GROUPED} - whole


@pytest.mark.parametrize("dtype", SMALL, ids=str)
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_half_precision_is_computed_in_single_or_better(variant, dtype):
    small = arguments(variant, dtype=dtype)
    single = {name: x.float() if x.is_floating_point() else x for name, x in small.items()}
    assert_same(variant(small), variant(single))
    kind = torch.bool if variant.name in MASKS else torch.float32
    assert all(x.dtype == kind for x in results(variant(small)))


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_double_is_kept_and_single_agrees_with_it(variant):
    double = arguments(variant, dtype=F64)
    if not any(x.is_floating_point() for x in double.values()):
        return  # integers carry no precision to keep
    single = {name: x.float() if x.dtype == F64 else x for name, x in double.items()}
    if variant.name in MASKS:
        assert_same(variant(single), variant(double))
        return
    for ours, exact in zip(results(variant(single)), results(variant(double)), strict=True):
        assert (ours.dtype, exact.dtype) == (torch.float32, F64)
        assert_close(ours, exact)


# --- a reward is never lost ---------------------------------------------------------------------


def first_returns(x, **more):
    """The return of each row's first written token, by each function that accumulates rewards."""
    column = (x["turn"] >= 0).to(torch.int8).argmax(1, keepdim=True)
    gae = cl.gae(**x, value=torch.zeros_like(x["token_reward"]), gamma=1.0, lam=1.0, **more)
    every = [cl.discounted_return(**x, gamma=1.0, **more), cl.reinforce_plus_plus(**x, **more)[1]]
    return [part.gather(1, column)[:, 0] for part in [*every, *gae]]


def test_rewards_between_turns_count():
    x = arguments(next(v for v in VARIANTS if v.name == "discounted_return"), dtype=F64)
    written = (x["turn"] >= 0).any(1)
    x = {name: tensor[written] for name, tensor in x.items() if name != "present"}
    inside = span(x["turn"] >= 0)
    assert bool((inside & (x["turn"] < 0)).any())
    total = torch.where(inside, x["token_reward"], 0).sum(1)
    for result in first_returns(x):
        assert_close(result, total)


def test_present_rewards_outside_turns_count_and_so_does_everything_packed():
    turn = torch.tensor([[-1, -1, 0, -1, 1, -1]])
    reward = torch.tensor([[1.0, 2.0, 4.0, 8.0, 16.0, 32.0]], dtype=F64)
    x = {"token_reward": reward, "turn": turn}
    for result in first_returns(x, present=torch.ones(1, 6, dtype=torch.bool)):
        assert result.tolist() == [63]
    some = torch.tensor([[False, True, True, True, True, False]])
    for result in first_returns(x, present=some):
        assert result.tolist() == [30]
    packed = {name: tensor[0] for name, tensor in x.items()}
    result = cl.discounted_return(**packed, gamma=1.0, offsets=torch.tensor([0, 6]))
    assert result.tolist() == [0, 0, 63, 0, 48, 0]


def test_what_may_be_padding_or_a_reward_is_refused_by_check_batch():
    turn = torch.tensor([[0, -1]])
    x = {"token_reward": torch.tensor([[0.0, 1.0]]), "turn": turn}
    with pytest.raises(cl.ContractError, match="check_batch: `token_reward` must be 0 outside"):
        cl.check_batch(x)
    cl.check_batch({**x, "present": torch.ones(1, 2, dtype=torch.bool)})


# --- layouts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", TOKENS, ids=str)
def test_packed_equals_padded(variant):
    x = arguments(variant, dtype=F64)
    length = 24 - torch.arange(12) * 2
    exists = torch.arange(24) < length[:, None]
    x["turn"] = torch.where(exists, x["turn"], -1)
    if "present" in x:
        x["present"] &= exists
    if variant.name == "to_tokens":
        x["weight"] = x["weight"].nan_to_num(7)
    packed = {
        name: layouts.pack(tensor, length)[0] if tensor.shape[:2] == (12, 24) else tensor
        for name, tensor in x.items()
    }
    flat = results(variant(packed, offsets=layouts.offsets_of(length)))
    for ours, theirs in zip(flat, results(variant(x)), strict=True):
        one_axis = theirs.shape == (12, 24)
        theirs = layouts.pack(theirs, length)[0] if one_axis else theirs
        if variant.name in MASKS:
            assert_same(ours, theirs)
        else:
            assert_close(ours, theirs)


@pytest.mark.parametrize("name", ["gigpo", "igpo", "a2tgpo", "pure", "grpo_process"])
def test_one_row_per_turn_equals_one_row_per_trajectory(name):
    x = random_arguments(getattr(cl, name), seed=4, dtype=F64, optional=True)
    x = {key: tensor[x["turn_count"] > 0] for key, tensor in x.items()}
    count = x["turn_count"]
    # Rows of all trajectories, interleaved: turn 0 of everybody, then turn 1 of those who have it.
    turn, trajectory = (torch.arange(5)[:, None] < count).nonzero().unbind(1)
    places = layouts.place_rows(trajectory * 10**9 - 7)
    again = {"turn_count": places.turn_count}
    for key, tensor in x.items():
        if tensor.ndim == 2:
            again[key] = layouts.turns_from_rows(tensor[trajectory, turn], places)
        elif key != "turn_count":
            again[key] = layouts.trajectories_from_rows(tensor[trajectory], places)
    by_row = layouts.rows_from_turns(getattr(cl, name)(**again), places)
    assert_close(by_row, getattr(cl, name)(**x)[trajectory, turn])
