"""Wrong calls that newcomers make: each is refused in one sentence that says what to do."""

import numpy as np
import pytest
import torch

import creditlib as cl
from creditlib import layouts

NAN, INF = float("nan"), float("inf")
REWARD = torch.tensor([1.0, 0.0, 1.0])
GROUP = torch.tensor([7, 7, 7])
COUNT = torch.tensor([2, 1, 2])
TURNS = torch.tensor([[0.0, 1.0], [0.0, 0.0], [0.0, 1.0]])
ANCHOR = torch.tensor([[5, 6], [5, -1], [5, 6]])
SECONDS = torch.tensor([[1.0, 2.0], [3.0, 0.0], [1.0, 1.0]])
# Prompt, response and padding of three rows.
MASK = torch.tensor([[0, 1, 1, 0], [0, 1, 0, 0], [0, 1, 1, 1]])
TURN = torch.tensor([[-1, 0, 1, -1], [-1, 0, -1, -1], [-1, 0, 0, 1]])
TOKENS = torch.zeros(3, 4)
RETURNS = {"token_reward": TOKENS, "turn": TURN, "gamma": 1.0}
GAE = {**RETURNS, "value": TOKENS, "lam": 1.0}
GIGPO = {
    "reward": REWARD,
    "group": GROUP,
    "turn_reward": TURNS,
    "anchor": ANCHOR,
    "turn_count": COUNT,
}
WEIGHT = {"duration": SECONDS, "turn_count": COUNT}


def changed(x, place, value):
    result = x.clone()
    result[place] = value
    return result


def grpo(**changes):
    return lambda: cl.grpo(**{"reward": REWARD, "group": GROUP, **changes})


def gigpo(**changes):
    return lambda: cl.gigpo(**{**GIGPO, **changes})


def weight(**changes):
    return lambda: cl.duration_weight(**{**WEIGHT, **changes})


WRONG_CALLS = {
    # Names
    "a misspelt tensor": (
        lambda: cl.grpo(rewrd=REWARD, group=GROUP),
        "grpo: `rewrd` must be one of its arguments, got torch.float32 (3,) "
        "(did you mean 'reward'?).",
    ),
    "a misspelt option": (
        grpo(sclae=None),
        "grpo: `sclae` must be one of its arguments, got None (did you mean 'scale'?).",
    ),
    "a misspelt option through apply": (
        lambda: cl.apply("grpo", {"reward": REWARD, "group": GROUP}, sclae=None),
        "grpo: `sclae` must be one of its arguments, got None (did you mean 'scale'?).",
    ),
    "a misspelt option of a third-party estimator": (
        lambda: cl.apply(lambda reward, rate=1.0: reward * rate, {"reward": REWARD}, rtae=2.0),
        "<lambda>: `rtae` must be one of its arguments, got 2.0 (did you mean 'rate'?).",
    ),
    "a misspelt optional tensor in a batch": (
        lambda: cl.apply("grpo", {"reward": REWARD, "group": GROUP, "valids": REWARD > 0}),
        "grpo: `valid` must be bool[batch], got the key `valids` of the mapping; "
        "rename it, or pass `valid=None` if it is something else.",
    ),
    "an optional tensor in the plural in a batch": (
        lambda: cl.apply("gigpo", {**GIGPO, "invalid_actions": TURNS > 0}),
        "gigpo: `invalid_action` must be bool[batch turn], got the key `invalid_actions` of the "
        "mapping; rename it, or pass `invalid_action=None` if it is something else.",
    ),
    "a tensor that is missing": (
        lambda: cl.grpo(reward=REWARD),
        "grpo: `group` must be int[batch], got nothing; `ids` makes integers of uids.",
    ),
    "gigpo with an outcome alone": (
        lambda: cl.gigpo(reward=REWARD, group=GROUP, anchor=ANCHOR, turn_count=COUNT),
        "gigpo: `turn_reward` must be float[batch turn], got nothing; "
        "`outcome_at_last_turn` makes it from `reward`.",
    ),
    "tensors by place": (
        lambda: cl.grpo(REWARD, GROUP),
        "grpo: `reward` must be given by name, grpo(reward=…, group=…), got 2 by place.",
    ),
    "a misspelt column": (
        lambda: cl.tensors({"rewards_": [1.0]}),
        "tensors: `mapping` must be words of the vocabulary, got 'rewards_' "
        "(did you mean 'rewards'?).",
    ),
    "a misspelt estimator": (
        lambda: cl.apply("gigop", {}),
        "resolve: `name` must be a name of creditlib, of a plug-in, or 'package.module:function', "
        "got 'gigop' (did you mean 'gigpo'?).",
    ),
    # Kinds of values
    "lists": (
        grpo(reward=[1.0, 0.0, 1.0]),
        "grpo: `reward` must be float[batch], got list; "
        "`creditlib.tensors` makes tensors of lists, arrays and columns.",
    ),
    "numpy": (
        grpo(group=np.array([7, 7, 7])),
        "grpo: `group` must be int[batch], got numpy.ndarray; "
        "`creditlib.tensors` makes tensors of lists, arrays and columns.",
    ),
    "rewards and groups swapped": (
        lambda: cl.grpo(reward=GROUP, group=REWARD),
        "grpo: `group` must be int[batch], got torch.float32 (3,); call `.long()`.",
    ),
    "a valid mask of numbers": (
        grpo(valid=torch.tensor([1, 1, 0])),
        "grpo: `valid` must be bool[batch], got torch.int64 (3,); compare it with 0: `valid != 0`.",
    ),
    "durations in whole seconds": (
        weight(duration=SECONDS.long()),
        "duration_weight: `duration` must be float[batch turn], got torch.int64 (3, 2); "
        "call `.float()`.",
    ),
    "a mask for a map": (
        lambda: cl.discounted_return(**{**RETURNS, "turn": MASK}),
        "discounted_return: `turn` must be ids that never go back along a row, and -1 where the "
        "policy wrote nothing, got 0 after 1 in row 0, token 3; "
        "pass a mask as bool, or `layouts.turns_from_mask(mask)`.",
    ),
    "a mask for a map of trajectory credit": (
        lambda: cl.to_tokens(REWARD, MASK),
        "to_tokens: `turn` must be ids that never go back along a row, and -1 where the "
        "policy wrote nothing, got 0 after 1 in row 0, token 3; "
        "pass a mask as bool, or `layouts.turns_from_mask(mask)`.",
    ),
    "a mask for a count": (
        gigpo(turn_count=TURNS > 0),
        "gigpo: `turn_count` must be int[batch], got torch.bool (3, 2); "
        "it is one value for each trajectory, such as `turn_count[:, 0]`.",
    ),
    "a mask for a map of floats": (
        lambda: cl.to_tokens(REWARD, MASK.float()),
        "to_tokens: `turn` must be int[batch token] or int[token], got torch.float32 (3, 4); "
        "call `.long()`.",
    ),
    "rewards on tokens": (
        grpo(reward=TOKENS),
        "grpo: `reward` must be float[batch], got torch.float32 (3, 4); "
        "it is one value for each trajectory, such as `.sum(1)` over its tokens.",
    ),
    "a group for each token": (
        grpo(group=GROUP[:, None].expand(3, 4)),
        "grpo: `group` must be int[batch], got torch.int64 (3, 4); "
        "it is one value for each trajectory, such as `group[:, 0]`.",
    ),
    "a group for each turn in one row": (
        grpo(group=torch.tensor([7, 7, 7, 7, 7, 7])),
        "grpo: `group` must be int[batch], got torch.int64 (6,) where `reward` has batch 3; "
        "it is one value for each trajectory, not for each turn or token.",
    ),
    "a column of a value head": (
        grpo(reward=REWARD[:, None]),
        "grpo: `reward` must be float[batch], got torch.float32 (3, 1); call `.squeeze(-1)`.",
    ),
    "a transposed table": (
        gigpo(anchor=ANCHOR.T),
        "gigpo: `anchor` must be int[batch turn], got torch.int64 (2, 3) where `reward` has "
        "batch 3; transpose it: `anchor.T`.",
    ),
    "an outcome for the rewards of turns": (
        gigpo(turn_reward=REWARD),
        "gigpo: `turn_reward` must be float[batch turn], got torch.float32 (3,); "
        "`outcome_at_last_turn` makes it from `reward`.",
    ),
    "a value too many": (
        lambda: cl.gae(**{**GAE, "value": torch.zeros(3, 5)}),
        "gae: `value` must be float[batch token] or float[token], got torch.float32 (3, 5) where "
        "`token_reward` has token 4; the value after the last token belongs into `bootstrap`.",
    ),
    "packed tokens without offsets": (
        lambda: cl.to_tokens(REWARD, TURN.flatten()),
        "to_tokens: `offsets` must be int[batch+1] with a packed `turn`, got None.",
    ),
    # Numbers
    "lengths for counts": (
        gigpo(turn_count=torch.tensor([120, 80, 95])),
        "gigpo: `turn_count` must be at most 2, the turns of `turn_reward`, got 120 in row 0; "
        "`turn_count` counts turns, not tokens.",
    ),
    "turn counts off by one": (
        gigpo(turn_count=COUNT + 1),
        "gigpo: `turn_count` must be at most 2, the turns of `turn_reward`, got 3 in row 0; "
        "`turn_count` counts turns, not tokens.",
    ),
    "an index of the last turn of an empty row": (
        gigpo(turn_count=torch.tensor([1, -1, 1])),
        "gigpo: `turn_count` must be at least 0, got -1 in row 1.",
    ),
    "a turn past the credit": (
        lambda: cl.to_tokens(TURNS[:, :1], TURN),
        "to_tokens: `turn` must be below the 1 turns of the batch, got 1.",
    ),
    "percent for a share": (
        gigpo(gamma=95),
        "gigpo: `gamma` must be a number in [0, 1], got 95; write 0.95 for 95 %.",
    ),
    "an unscored rollout": (
        grpo(reward=torch.tensor([1.0, NAN, 0.0])),
        "grpo: `reward` must be finite, got nan in row 1; leave the row out with `valid`.",
    ),
    "an unscored rollout of a batch statistic": (
        lambda: cl.reinforce_plus_plus_baseline(
            reward=torch.tensor([1.0, NAN, 0.0]), group=GROUP, length=GROUP
        ),
        "reinforce_plus_plus_baseline: `reward` must be finite, got nan in row 1; "
        "leave the row out with `valid`.",
    ),
    "a job that never ended": (
        weight(duration=changed(SECONDS, (1, 0), INF)),
        "duration_weight: `duration` must be finite, got inf in row 1, turn 0; "
        "leave the row out with `valid`.",
    ),
    "a clock that went back": (
        weight(duration=changed(SECONDS, (0, 1), -2.0)),
        "duration_weight: `duration` must be at least 0, got -2.0 in row 0, turn 1.",
    ),
    "an overflow": (
        grpo(reward=torch.tensor([1e300, 0.0, 1.0], dtype=torch.float64)),
        "grpo: `reward` must be below 1e+150 in size, got 1e+300 in row 0.",
    ),
    "an infinite weight of whitening": (
        lambda: cl.whiten(REWARD, torch.tensor([1.0, INF, 1.0])),
        "whiten: `weight` must be finite, got inf in row 1.",
    ),
    "a weight for each trajectory and credit for each turn": (
        lambda: cl.whiten(TURNS, COUNT),
        "whiten: `weight` must be (3, 2) like `credit`, got torch.int64 (3,).",
    ),
    # Ids and layouts
    "rows without a group": (
        lambda: cl.ids([None, None, None]),
        "ids: `keys` must be texts, numbers, UUIDs, arrays, or tuples, lists, sets and dicts of "
        "them, got None at place 0; give each key an id, or leave it out.",
    ),
    "lengths of turns for lengths of rows": (
        lambda: layouts.unpack(torch.zeros(4), torch.tensor([0, 2, 3])),
        "unpack: `offsets` must be rising from 0 to the 4 tokens, got 0 to 3.",
    ),
}


@pytest.mark.parametrize("case", WRONG_CALLS)
def test_a_wrong_call_is_refused_in_one_sentence(case):
    call, sentence = WRONG_CALLS[case]
    assert refused_with(call) == sentence


def refused_with(call):
    """The sentence that refuses a call, or what else became of it."""
    try:
        return call()
    except cl.ContractError as error:
        return str(error)
    except Exception as error:
        return error


def test_there_are_enough_of_them():
    assert len(WRONG_CALLS) >= 30


@pytest.mark.parametrize(
    "call", [grpo(), gigpo(), weight(), lambda: cl.gae(**GAE), lambda: cl.to_tokens(REWARD, TURN)]
)
def test_the_call_without_the_mistake_runs(call):
    call()
