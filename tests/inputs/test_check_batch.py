import pytest
import torch
from helpers import Fields

import creditlib as cl
from creditlib.registry import public_functions
from creditlib.testing import random_arguments

NAN, INF = float("nan"), float("inf")
REWARD, GROUP = torch.tensor([0.0, 1.0]), torch.tensor([7, 7])
COUNT = torch.tensor([2, 1])
TABLE = torch.tensor([[1.0, 2.0], [3.0, NAN]])
TURN = torch.tensor([[-1, 0, -1, 1, -1], [-1, 0, 0, -1, -1]])
PACKED = torch.tensor([-1, 0, -1, 1, 0, 0])
OFFSETS = torch.tensor([0, 4, 6])


def changed(x, position, value):
    result = x.clone()
    result[position] = value
    return result


@pytest.mark.parametrize("name", sorted(public_functions()))
@pytest.mark.parametrize("seed", range(3))
def test_a_clean_batch_passes_whatever_lies_in_its_padding(name, seed):
    cl.check_batch(random_arguments(public_functions()[name], seed=seed, optional=True))


REFUSALS = {
    "a reward of NaN": (
        {"reward": torch.tensor([0.0, NAN])},
        "`reward` must be finite, got nan in row 1.",
    ),
    "an infinite turn reward": (
        {"turn_reward": changed(TABLE, (0, 1), -INF), "turn_count": COUNT},
        "`turn_reward` must be finite, got -inf in row 0, turn 1.",
    ),
    "NaN past a turn count that is not given": (
        {"turn_reward": TABLE},
        "`turn_reward` must be finite, got nan in row 1, turn 1.",
    ),
    "an infinite objective": (
        {"rewards": changed(TABLE, (1, 1), INF)},
        "`rewards` must be finite, got inf in row 1, objective 1.",
    ),
    "a reward whose square overflows": (
        {"reward": torch.tensor([0.0, 1e300], dtype=torch.float64)},
        "`reward` must be below 1e+150 in size, got 1e+300 in row 1.",
    ),
    "a mask for a map": (
        {"turn": torch.tensor([[0, 0, 1, 1, 1], [0, 1, 1, 0, 0]])},
        "`turn` must be ids that never go back along a row, and -1 where the policy wrote nothing, "
        "got 0 after 1 in row 1, token 3; pass a mask as bool, or `layouts.turns_from_mask(mask)`.",
    ),
    "a packed map that goes back": (
        {"turn": torch.tensor([0, 1, 0, 1, 1, -1, 0]), "offsets": torch.tensor([0, 2, 7])},
        "`turn` must be ids that never go back along a row, and -1 where the policy wrote nothing, "
        "got 0 after 1 in row 1, token 6; pass a mask as bool, or `layouts.turns_from_mask(mask)`.",
    ),
    "a negative duration": (
        {"duration": changed(TABLE, (1, 0), -1.0), "turn_count": COUNT},
        "`duration` must be at least 0, got -1.0 in row 1, turn 0.",
    ),
    "a negative length": (
        {"length": torch.tensor([3, -2])},
        "`length` must be at least 0, got -2 in row 1.",
    ),
    "a turn id below -1": (
        {"turn": changed(TURN, (0, 2), -2)},
        "`turn` must be at least -1, got -2 in row 0, token 2.",
    ),
    "more turns than columns": (
        {"turn_reward": torch.zeros(2, 2), "turn_count": torch.tensor([2, 3])},
        "`turn_count` must be at most 2, the turns of `turn_reward`, got 3 in row 1.",
    ),
    "a negative turn count": (
        {"turn_count": torch.tensor([2, -1])},
        "`turn_count` must be at least 0, got -1 in row 1.",
    ),
    "a turn id past the count": (
        {"turn": TURN, "turn_count": torch.tensor([1, 1])},
        "`turn` must be below the row's `turn_count`, got 1 in row 0, token 3.",
    ),
    "a packed turn id past the count": (
        {"turn": PACKED, "turn_count": torch.tensor([1, 1]), "offsets": OFFSETS},
        "`turn` must be below the row's `turn_count`, got 1 in token 3.",
    ),
    "packed turns without offsets": (
        {"turn": PACKED, "turn_count": COUNT},
        "`offsets` must be int[batch+1] with a packed `turn`, got None.",
    ),
    "offsets that start late": (
        {"turn": PACKED, "offsets": torch.tensor([1, 4, 6])},
        "`offsets` must be rising from 0 to the 6 tokens, got 1 to 6.",
    ),
    "offsets that fall": (
        {"turn": PACKED, "offsets": torch.tensor([0, 7, 6])},
        "`offsets` must be rising from 0 to the 6 tokens, got 7 before 6.",
    ),
    "offsets that end early": (
        {"turn": PACKED, "offsets": torch.tensor([0, 4, 5])},
        "`offsets` must be rising from 0 to the 6 tokens, got 0 to 5.",
    ),
    "offsets that end late, without a turn map": (
        {"value": torch.zeros(6), "offsets": torch.tensor([0, 4, 8])},
        "`offsets` must be rising from 0 to the 6 tokens, got 0 to 8.",
    ),
    "a reward before the first written token": (
        {"turn": TURN, "token_reward": changed(torch.zeros(2, 5), (0, 0), 1.0)},
        "`token_reward` must be 0 outside the tokens the policy wrote, or `present` given, "
        "got 1.0 in row 0, token 0.",
    ),
    "a reward after the last written token": (
        {"turn": TURN, "token_reward": changed(torch.zeros(2, 5), (1, 3), 1.0)},
        "`token_reward` must be 0 outside the tokens the policy wrote, or `present` given, "
        "got 1.0 in row 1, token 3.",
    ),
    "a reward of a row that wrote nothing": (
        {
            "turn": torch.full((2, 5), -1),
            "token_reward": changed(torch.zeros(2, 5), (1, 3), 1.0),
            "present": torch.ones(2, 5) > 0,
        },
        "`token_reward` must be 0 in rows where the policy wrote nothing, "
        "got 1.0 in row 1, token 3.",
    ),
    "a packed reward of a row that wrote nothing": (
        {
            "turn": torch.tensor([0, 0, -1, -1]),
            "token_reward": torch.tensor([0.0, 0.0, 2.0, 0.0]),
            "offsets": torch.tensor([0, 2, 4]),
        },
        "`token_reward` must be 0 in rows where the policy wrote nothing, got 2.0 in token 2.",
    ),
    "an infinite reward on tool output": (
        {"turn": TURN, "token_reward": changed(torch.zeros(2, 5), (0, 2), INF)},
        "`token_reward` must be finite, got inf in row 0, token 2.",
    ),
    "a value of NaN on a written token": (
        {"turn": TURN, "value": changed(torch.zeros(2, 5), (0, 1), NAN)},
        "`value` must be finite, got nan in row 0, token 1.",
    ),
    "a shape": (
        {"reward": REWARD, "group": torch.tensor([1, 2, 3])},
        "`reward` must be float[batch], got torch.float32 (2,) where `group` has batch 3.",
    ),
    "a dtype": (
        {"duration": torch.tensor([[0, 1]])},
        "`duration` must be float[batch turn], got torch.int64 (1, 2); call `.float()`.",
    ),
    "a list": (
        {"group": [7, 7]},
        "`group` must be int[batch], got list; "
        "`creditlib.tensors` makes tensors of lists, arrays and columns.",
    ),
    "a device": (
        {"reward": REWARD, "group": torch.zeros(2, dtype=torch.int64, device="meta")},
        "`reward` must be float[batch] on meta like `group`, got cpu.",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_is_wrong_is_named_with_its_place(case, refusal):
    batch, sentence = REFUSALS[case]
    assert refusal(cl.check_batch, batch) == f"check_batch: {sentence}"


def test_an_argument_is_checked_in_the_order_of_the_vocabulary(refusal):
    """Which of two sizes is called wrong does not depend on the order of the mapping."""
    batch = {"reward": REWARD, "group": torch.tensor([1, 2, 3])}
    backwards = dict(reversed(batch.items()))
    assert refusal(cl.check_batch, batch) == refusal(cl.check_batch, backwards)


VALID = torch.tensor([True, False])
PASS = {
    "nothing": {},
    "names the vocabulary does not know": {"uid": ["a"], "response": "text", "gamma": "high"},
    "a None": {"valid": None, "reward": REWARD},
    "excluded rows": {"valid": VALID, "reward": torch.tensor([0.0, NAN])},
    "excluded turns": {"valid": VALID, "duration": torch.tensor([[1.0], [-INF]])},
    "an excluded count": {
        "valid": VALID,
        "turn_reward": torch.zeros(2, 2),
        "turn_count": torch.tensor([2, 9]),
    },
    "an excluded turn map": {"valid": VALID, "turn": TURN, "turn_count": torch.tensor([2, 0])},
    "excluded tokens, packed": {
        "valid": VALID,
        "turn": PACKED,
        "offsets": OFFSETS,
        "turn_count": torch.tensor([2, 0]),
        "value": torch.tensor([0.0, 0.0, 0.0, 0.0, NAN, NAN]),
        "token_reward": torch.tensor([0.0, 0.0, 0.0, 0.0, NAN, NAN]),
    },
    "an excluded lost reward": {
        "valid": VALID,
        "turn": TURN,
        "token_reward": changed(torch.zeros(2, 5), (1, 0), 1.0),
    },
    "a score of NaN, which is a failure": {"score": torch.tensor([NAN, 1.0])},
    "the gain of the answer, which is not read": {
        "information_gain": torch.tensor([[0.5, NAN], [NAN, NAN]]),
        "turn_count": COUNT,
    },
    "NaN between and around turns": {
        "turn": TURN,
        "token_reward": torch.where(TURN < 0, NAN, 1.0),
        "value": torch.where(TURN < 0, NAN, 1.0),
    },
    "a reward on tool output": {
        "turn": TURN,
        "token_reward": changed(torch.zeros(2, 5), (0, 2), 1.0),
    },
    "a reward on a prompt that is present": {
        "turn": TURN,
        "token_reward": changed(torch.zeros(2, 5), (0, 0), 1.0),
        "present": torch.ones(2, 5) > 0,
    },
    "anything where present says padding": {
        "turn": TURN,
        "token_reward": changed(torch.zeros(2, 5), (0, 4), INF),
        "present": changed(torch.ones(2, 5) > 0, (0, 4), False),
    },
    "a packed reward on a prompt": {
        "turn": PACKED,
        "token_reward": changed(torch.zeros(6), 0, 1.0),
        "offsets": OFFSETS,
    },
    "what `out` holds before": {"out": torch.full((2, 5), NAN), "turn": TURN},
    "no rows": {"reward": torch.zeros(0), "turn": torch.zeros(0, 3, dtype=torch.int64)},
    "no tokens": {"turn": torch.zeros(2, 0, dtype=torch.int64), "token_reward": torch.zeros(2, 0)},
}


@pytest.mark.parametrize("case", PASS)
def test_values_that_are_not_read_are_not_checked(case):
    cl.check_batch(PASS[case])


def test_a_mapping_that_behaves_like_a_tensordict_will_do(refusal):
    cl.check_batch(Fields(reward=REWARD, group=GROUP))
    sentence = "check_batch: `reward` must be finite, got nan in row 0."
    assert refusal(cl.check_batch, Fields(reward=torch.tensor([NAN]))) == sentence


def test_of_a_batch_that_passes_no_reward_is_lost():
    """The check and the estimator agree about what is read: the first token returns the sum."""
    passed = 0
    for seed in range(500):
        draw = torch.Generator().manual_seed(seed)
        turn = torch.randint(-1, 1, (1, 5), generator=draw)
        rewards = torch.tensor([0.0, 0.0, 1.0, 2.0, NAN, INF])
        reward = rewards[torch.randint(0, 6, (1, 5), generator=draw)]
        batch = {"token_reward": reward, "turn": turn}
        try:
            cl.check_batch(batch)
        except cl.ContractError:
            continue
        passed += 1
        returns = cl.discounted_return(**batch, gamma=1.0)
        assert returns.max() == reward.nansum()
    assert passed > 30


def test_names_with_many_meanings_are_left_to_the_functions():
    batch = {"turn": torch.tensor([[0, 1]]), "weight": -torch.ones(1, 2), "turn_count": None}
    cl.check_batch(batch | {"turn_count": torch.tensor([2]), "turn_reward": torch.zeros(1, 3)})
    cl.check_batch({"credit": torch.zeros(2, 2), "turn_count": torch.tensor([1, 2])})
