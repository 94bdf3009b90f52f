import math

import numpy as np
import pytest
import torch

import creditlib as cl
from creditlib.testing import random_arguments
from creditlib.vocabulary import Backend, Credit, Reward
from creditlib.vocabulary.annotations import tensors_of
from creditlib.vocabulary.backends import INSTALLED
from creditlib.vocabulary.contract import ContractError, check_tensors, checked

REWARD, GROUP = torch.tensor([0.0, 1.0]), torch.tensor([7, 7])
TURNS = torch.tensor([[0.0, 1.0], [0.0, 0.0]])


def gigpo_arguments(**changes):
    arguments = {
        "reward": REWARD,
        "group": GROUP,
        "turn_reward": TURNS,
        "anchor": torch.tensor([[5, 6], [5, 7]]),
        "turn_count": torch.tensor([2, 2]),
    }
    return {**arguments, **changes}


def gae_arguments(**changes):
    arguments = {
        "token_reward": torch.zeros(2, 3),
        "value": torch.zeros(2, 3),
        "turn": torch.zeros(2, 3, dtype=torch.int64),
        "gamma": 1.0,
        "lam": 1.0,
    }
    return {**arguments, **changes}


AS_TENSORS = "`creditlib.tensors` makes tensors of lists, arrays and columns"
WRONG_TENSORS = {
    "a list": (
        {"group": [7, 7]},
        f"grpo: `group` must be int[batch], got list; {AS_TENSORS}.",
    ),
    "a numpy array": (
        {"reward": np.zeros(2)},
        f"grpo: `reward` must be float[batch], got numpy.ndarray; {AS_TENSORS}.",
    ),
    "None for a required tensor": (
        {"group": None},
        "grpo: `group` must be int[batch], got None; `ids` makes integers of uids.",
    ),
    "a number": (
        {"reward": 1.0},
        f"grpo: `reward` must be float[batch], got float; {AS_TENSORS}.",
    ),
    "complex rewards": (
        {"reward": torch.zeros(2, dtype=torch.complex64)},
        "grpo: `reward` must be float[batch], got torch.complex64 (2,).",
    ),
    "a float mask": (
        {"valid": torch.ones(2)},
        "grpo: `valid` must be bool[batch], got torch.float32 (2,); "
        "compare it with 0: `valid != 0`.",
    ),
    "an integer mask": (
        {"valid": torch.ones(2, dtype=torch.int64)},
        "grpo: `valid` must be bool[batch], got torch.int64 (2,); compare it with 0: `valid != 0`.",
    ),
    "float ids": (
        {"group": torch.zeros(2)},
        "grpo: `group` must be int[batch], got torch.float32 (2,); call `.long()`.",
    ),
    "unsigned ids": (
        {"group": torch.zeros(2, dtype=torch.uint8)},
        "grpo: `group` must be int[batch], got torch.uint8 (2,); call `.long()`.",
    ),
    "too many axes": (
        {"reward": torch.zeros(2, 1)},
        "grpo: `reward` must be float[batch], got torch.float32 (2, 1); call `.squeeze(-1)`.",
    ),
    "too few axes": (
        {"reward": torch.tensor(0.0)},
        "grpo: `reward` must be float[batch], got torch.float32 ().",
    ),
    "another size": (
        {"group": torch.tensor([7, 7, 7])},
        "grpo: `group` must be int[batch], got torch.int64 (3,) where `reward` has batch 2.",
    ),
    "another device": (
        {"group": torch.zeros(2, dtype=torch.int64, device="meta")},
        "grpo: `group` must be int[batch] on cpu like `reward`, got meta.",
    ),
    "a sparse tensor": (
        {"reward": torch.zeros(2).to_sparse()},
        "grpo: `reward` must be float[batch], got torch.sparse_coo; call `.to_dense()`.",
    ),
}


@pytest.mark.parametrize("case", WRONG_TENSORS)
def test_a_wrong_tensor_is_refused_in_one_sentence(case, refusal):
    change, sentence = WRONG_TENSORS[case]
    assert refusal(cl.grpo, **{"reward": REWARD, "group": GROUP, **change}) == sentence


def test_axes_are_bound_across_arguments(refusal):
    assert refusal(cl.gigpo, **gigpo_arguments(anchor=torch.zeros(2, 3, dtype=torch.int64))) == (
        "gigpo: `anchor` must be int[batch turn], "
        "got torch.int64 (2, 3) where `turn_reward` has turn 2."
    )
    assert refusal(cl.gigpo, **gigpo_arguments(turn_count=torch.tensor([2]))) == (
        "gigpo: `turn_count` must be int[batch], got torch.int64 (1,) where `reward` has batch 2."
    )


def test_offsets_have_one_entry_more_than_rows(refusal):
    packed = {name: torch.zeros(3) for name in ("token_reward", "value")}
    arguments = gae_arguments(**packed, turn=torch.zeros(3, dtype=torch.int64))
    wrong = torch.tensor([0, 1, 2, 3])
    assert refusal(cl.gae, **arguments, bootstrap=torch.zeros(2), offsets=wrong) == (
        "gae: `offsets` must be int[batch+1], got torch.int64 (4,) where `bootstrap` has batch 2."
    )
    assert refusal(cl.gae, **arguments, offsets=torch.zeros(0, dtype=torch.int64)) == (
        "gae: `offsets` must be int[batch+1], got torch.int64 (0,)."
    )


def test_padded_and_packed_tokens_do_not_mix(refusal):
    """A packed value of the right width would broadcast over every row."""
    assert refusal(cl.gae, **gae_arguments(value=torch.zeros(3))) == (
        "gae: `value` must be float[batch token] or float[token], "
        "got torch.float32 (3,) where `token_reward` is padded."
    )
    turn = torch.zeros(3, dtype=torch.int64)
    assert refusal(cl.to_tokens, torch.zeros(2), turn, weight=torch.zeros(2, 3)) == (
        "to_tokens: `weight` must be float[batch token] or float[token], "
        "got torch.float32 (2, 3) where `turn` is packed."
    )


def test_packed_tokens_need_offsets_and_padded_ones_refuse_them(refusal):
    turn = torch.zeros(3, dtype=torch.int64)
    assert refusal(cl.to_tokens, torch.zeros(1), turn) == (
        "to_tokens: `offsets` must be int[batch+1] with a packed `turn`, got None."
    )
    assert refusal(cl.to_tokens, torch.zeros(1), turn[None], offsets=torch.tensor([0, 3])) == (
        "to_tokens: `turn` must be int[token] with `offsets`, got torch.int64 (1, 3)."
    )


def test_integers_and_flags_are_rewards():
    """1, 0: the mean is 1/2, so the credit is 1/2 and −1/2; in float32, as of float32 rewards."""
    for kind in (torch.bool, torch.uint8, torch.int8, torch.int32, torch.int64):
        credit = cl.grpo(reward=torch.tensor([1, 0]).to(kind), group=GROUP, scale=None)
        assert credit.tolist() == [0.5, -0.5]
        assert credit.dtype == torch.float32
    # 2^53 + 0 and 2^53 − 1 differ in float64 and not in float32
    large = torch.tensor([2**53, 2**53 - 1])
    assert cl.grpo(reward=large, group=GROUP, scale=None).tolist() == [0.5, -0.5]


def test_integers_as_rewards_are_converted_under_compile_too():
    torch._dynamo.reset()
    compiled = torch.compile(cl.grpo, fullgraph=True, backend="eager")
    assert compiled(reward=torch.tensor([1, 0]), group=GROUP, scale=None).tolist() == [0.5, -0.5]


def test_values_that_nobody_reads_may_be_anything():
    """Row 1 is left out, row 0 has one turn: what lies elsewhere is padding."""
    clean = gigpo_arguments(turn_count=torch.tensor([1, 0]), valid=torch.tensor([True, False]))
    dirty = {
        **clean,
        "reward": torch.tensor([0.0, math.nan]),
        "turn_reward": torch.tensor([[0.0, math.inf], [math.nan, 1e30]]),
        "turn_count": torch.tensor([1, 7]),
    }
    try:
        found = cl.gigpo(**dirty).tolist()
    except cl.ContractError as error:
        found = str(error)
    assert found == cl.gigpo(**clean).tolist()


def test_a_mask_is_a_map_of_its_runs():
    """Turn 0 writes tokens 1 and 2, turn 1 token 4."""
    mask = torch.tensor([[False, True, True, False, True]])
    turn = torch.tensor([[-1, 0, 0, -1, 1]])
    credit = torch.tensor([[0.5, -1.0]])
    assert torch.equal(cl.to_tokens(credit, mask), cl.to_tokens(credit, turn))
    assert torch.equal(cl.to_tokens(credit, turn=mask), cl.to_tokens(credit, turn))
    rewards = {"token_reward": torch.arange(5.0)[None], "gamma": 0.5}
    ours = cl.discounted_return(**rewards, turn=mask)
    assert torch.equal(ours, cl.discounted_return(**rewards, turn=turn))


def test_a_run_of_a_packed_mask_ends_with_its_row():
    """Rows of 2 and 3 tokens, all written: the second row begins with turn 0 again."""
    mask, offsets = torch.ones(5, dtype=torch.bool), torch.tensor([0, 2, 5])
    credit = torch.tensor([[1.0], [2.0]])
    assert cl.to_tokens(credit, mask, offsets=offsets).tolist() == [1, 1, 2, 2, 2]


def test_a_missing_tensor_is_named_with_its_contract(refusal):
    sentence = "grpo: `group` must be int[batch], got nothing; `ids` makes integers of uids."
    assert refusal(cl.grpo, reward=REWARD) == sentence
    given = gigpo_arguments()
    del given["turn_reward"]
    assert refusal(cl.gigpo, **given) == (
        "gigpo: `turn_reward` must be float[batch turn], got nothing; "
        "`outcome_at_last_turn` makes it from `reward`."
    )


def test_a_misspelled_argument_is_named_with_the_nearest(refusal):
    assert refusal(cl.grpo, reward=REWARD, group=GROUP, sclae=None) == (
        "grpo: `sclae` must be one of its arguments, got None (did you mean 'scale'?)."
    )
    assert refusal(cl.grpo, rewrd=REWARD, group=GROUP) == (
        "grpo: `rewrd` must be one of its arguments, got torch.float32 (2,) "
        "(did you mean 'reward'?)."
    )


def test_tensors_are_keyword_only(refusal):
    assert refusal(cl.grpo, REWARD, GROUP) == (
        "grpo: `reward` must be given by name, grpo(reward=…, group=…), got 2 by place."
    )


WRONG_OPTIONS = {
    "no choice": (
        {"scale": "sdt"},
        "grpo: `scale` must be one of 'std', 'mad', 'mean', None, got 'sdt' (did you mean 'std'?).",
    ),
    "a switch for a choice": (
        {"scale": True},
        "grpo: `scale` must be one of 'std', 'mad', 'mean', None, got True.",
    ),
    "True for 1": ({"ddof": True}, "grpo: `ddof` must be one of 0, 1, got True."),
    "1.0 for 1": ({"ddof": 1.0}, "grpo: `ddof` must be one of 0, 1, got 1.0."),
    "None for a choice": (
        {"lone": None},
        "grpo: `lone` must be one of 'zero', 'raw', got None.",
    ),
    "an array": (
        {"lone": np.array(["zero", "raw"])},
        "grpo: `lone` must be one of 'zero', 'raw', got array(['zero', 'raw'], dtype='<U4').",
    ),
    "below the range": ({"eps": -1e-6}, "grpo: `eps` must be a number at least 0, got -1e-06."),
    "not a number": ({"eps": "1e-6"}, "grpo: `eps` must be a number at least 0, got str."),
    "NaN": ({"eps": float("nan")}, "grpo: `eps` must be a number at least 0, got nan."),
    "a switch for a number": (
        {"eps": True},
        "grpo: `eps` must be a number at least 0, got bool.",
    ),
    "None for a number": (
        {"eps": None},
        "grpo: `eps` must be a number at least 0, got None.",
    ),
}


@pytest.mark.parametrize("case", WRONG_OPTIONS)
def test_a_wrong_option_is_refused_in_one_sentence(case, refusal):
    option, sentence = WRONG_OPTIONS[case]
    assert refusal(cl.grpo, reward=REWARD, group=GROUP, **option) == sentence


def test_ranges_that_exclude_their_end_or_have_two(refusal):
    assert refusal(cl.gigpo, **gigpo_arguments(gamma=1.5)) == (
        "gigpo: `gamma` must be a number in [0, 1], got 1.5."
    )
    assert refusal(cl.gpg, reward=REWARD, group=GROUP, normalizer=0.0) == (
        "gpg: `normalizer` must be a number above 0, got 0.0."
    )


def test_a_size_is_an_integer(refusal):
    arguments = {"reward": REWARD, "turn_count": GROUP}
    assert refusal(cl.outcome_at_last_turn, **arguments, turns=2.5) == (
        "outcome_at_last_turn: `turns` must be an integer at least 0, got 2.5."
    )
    assert refusal(cl.outcome_at_last_turn, **arguments, turns=-1) == (
        "outcome_at_last_turn: `turns` must be an integer at least 0, got -1."
    )


def test_whole_numbers_and_numbers_of_numpy_are_numbers(backend):
    expected = cl.gigpo(**gigpo_arguments(gamma=1.0, step_weight=0.5))
    for half in (np.float64(0.5), np.float32(0.5), np.float16(0.5)):
        found = cl.gigpo(**gigpo_arguments(gamma=np.int64(1), step_weight=half))
        assert torch.equal(found, expected)
    ours = cl.gae(**gae_arguments(gamma=np.float32(0.5), lam=np.float32(0.5)))
    alone = cl.gae(**gae_arguments(gamma=0.5, lam=0.5))
    assert all(map(torch.equal, ours, alone))


def test_a_size_that_no_tensor_has_is_refused(refusal):
    arguments = {"reward": REWARD, "turn_count": GROUP}
    assert refusal(cl.outcome_at_last_turn, **arguments, turns=2**70) == (
        f"outcome_at_last_turn: `turns` must be an integer at least 0, got {2**70}."
    )


def test_a_negated_view_is_a_tensor_like_any_other(backend):
    """The imaginary part of a conjugate is a view with a lazy sign."""
    lazy = torch.complex(torch.zeros(2), torch.tensor([1.0, 2.0])).conj().imag
    assert lazy.is_neg()
    group = torch.tensor([7, 7])
    ours = cl.grpo(reward=lazy, group=group, scale=None)
    assert torch.equal(ours, cl.grpo(reward=lazy.clone(), group=group, scale=None))
    turn = torch.zeros(1, 2, dtype=torch.int64)
    ours = cl.discounted_return(token_reward=lazy[None], turn=turn, gamma=0.5)
    assert ours.tolist() == [[-2.0, -2.0]]


def test_positional_arguments_are_checked_too(refusal):
    assert refusal(cl.to_tokens, [1.0], torch.zeros(1, 2, dtype=torch.int64)) == (
        f"to_tokens: `credit` must be float[batch] or float[batch turn], got list; {AS_TENSORS}."
    )


def test_whiten_refuses_a_weight_that_would_broadcast(refusal):
    sentence = "whiten: `weight` must be (2, 2) like `credit`, got torch.int64 (2,)."
    assert refusal(cl.whiten, TURNS, torch.tensor([1, 2])) == sentence
    sentence = "whitening_stats: `weight` must be (2,) like `credit`, got torch.bool (2, 2)."
    assert refusal(cl.whitening_stats, REWARD, TURNS > 0) == sentence


def test_out_must_be_like_the_result(refusal):
    turn = torch.zeros(2, 3, dtype=torch.int64)
    assert refusal(cl.to_tokens, REWARD, turn, out=torch.zeros(2, 3, dtype=torch.bfloat16)) == (
        "to_tokens: `out` must be torch.float32 (2, 3), got torch.bfloat16 (2, 3)."
    )


def test_nothing_is_computed_before_a_refusal(refusal):
    ran = []

    @checked
    def estimator(*, reward: cl.vocabulary.Reward) -> cl.vocabulary.Credit:
        ran.append(reward)
        return reward

    refusal(estimator, reward=torch.tensor([[1]]))
    assert ran == []


def test_what_a_checked_function_returns_is_detached():
    reward = REWARD.clone().requires_grad_()
    result = cl.grpo(reward=reward, group=GROUP)
    assert not result.requires_grad
    assert reward.grad is None


def test_values_are_not_looked_at_while_a_call_is_traced(monkeypatch):
    """Names, dtypes, sizes and options are: see tests/test_compiled_refusals.py."""
    looked = []
    monkeypatch.setattr(
        "creditlib.vocabulary.contract.check_values", lambda *_: looked.append("values")
    )
    arguments = random_arguments(cl.grpo)
    eager = cl.grpo(**arguments)
    assert looked == ["values"]
    torch._dynamo.reset()
    compiled = torch.compile(cl.grpo, fullgraph=True, backend="eager")
    assert torch.equal(compiled(**arguments), eager)
    assert looked == ["values"]


def test_check_tensors_leaves_missing_and_optional_ones_alone():
    tensors = tuple(tensors_of(cl.grpo).values())
    check_tensors("grpo", tensors, {})
    check_tensors("grpo", tensors, {"reward": REWARD, "group": GROUP, "valid": None})


@pytest.mark.parametrize("name", ["igpo", "a2tgpo", "gigpo", "pure", "softmin_returns"])
def test_turns_beyond_the_tensor_are_refused(name, refusal):
    """Their outcome would lie in a turn that does not exist, and be lost."""
    arguments = random_arguments(getattr(cl, name), turns=3)
    arguments["turn_count"][2] = 4
    tensor = next(key for key, x in arguments.items() if x.shape == (12, 3))
    sentence = (
        f"{name}: `turn_count` must be at most 3, the turns of `{tensor}`, got 4 in row 2; "
        "`turn_count` counts turns, not tokens."
    )
    assert refusal(getattr(cl, name), **arguments) == sentence
    out = torch.arange(12) != 2
    assert getattr(cl, name)(**arguments, valid=out)[2].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("offsets", "fact"),
    [
        ([0, 1, 2], "0 to 2"),
        ([1, 2, 3], "1 to 3"),
        ([0, 1, 13], "0 to 13"),
        ([0, 4, 3], "4 before 3"),
    ],
)
def test_offsets_that_do_not_fit_are_refused(offsets, fact, refusal):
    packed = {"token_reward": torch.zeros(3), "turn": torch.tensor([0, 0, 0])}
    offsets = torch.tensor(offsets)
    wanted = f"`offsets` must be rising from 0 to the 3 tokens, got {fact}."
    sentence = refusal(cl.discounted_return, **packed, offsets=offsets, gamma=1.0)
    assert sentence == f"discounted_return: {wanted}"
    sentence = refusal(cl.to_tokens, torch.zeros(2), packed["turn"], offsets=offsets)
    assert sentence == f"to_tokens: {wanted}"


def test_layouts_keep_gradients_and_estimators_do_not():
    x = torch.ones(2, 2, requires_grad=True)
    packed, offsets = cl.layouts.pack(x, torch.tensor([2, 1]))
    assert packed.requires_grad
    assert cl.layouts.unpack(packed, offsets).requires_grad
    assert not cl.whiten(x, torch.ones(2, 2)).requires_grad


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: cl.grpo(reward=REWARD, group=GROUP, eps=math.inf),
            "grpo: `eps` must be a number at least 0, got inf.",
        ),
        (
            lambda: cl.partial_credit(
                solved=REWARD > 0, score=REWARD, milestones=GROUP, failure=math.nan
            ),
            "partial_credit: `failure` must be a number, got nan.",
        ),
        (
            lambda: cl.diagnose(REWARD, turns="x"),
            "diagnose: `turns` must be an integer, got str.",
        ),
        (
            lambda: cl.gdpo(rewards=REWARD[:, None], group=GROUP, weights="1"),
            "gdpo: `weights` must be one number for each of the 1 objectives, got '1'.",
        ),
        (
            lambda: cl.find_milestones("abc", ["a"]),
            "find_milestones: `outputs` must be a list of texts, got str.",
        ),
    ],
)
def test_a_number_is_a_number(call, sentence):
    with pytest.raises(cl.ContractError) as caught:
        call()
    assert str(caught.value) == sentence


DOUBLE = torch.float64


def test_a_result_in_float64_needs_a_value_in_float64():
    """Counts in float64 do not widen a result; the first result is exact, so rounding shows."""
    third = torch.tensor([1.0, 0.0, 0.0])
    group = torch.zeros(3, dtype=torch.int64)
    assert cl.rloo(reward=third, group=group).dtype == torch.float32
    assert cl.rloo(reward=third.to(DOUBLE), group=group).dtype == DOUBLE
    length = torch.tensor([1.0, 2.0, 4.0], dtype=DOUBLE)
    assert cl.opo(reward=third, group=group, length=length).dtype == torch.float32
    baseline = torch.zeros(3, dtype=DOUBLE)
    assert cl.remax(reward=third, baseline=baseline).dtype == DOUBLE


def test_each_tensor_of_a_result_is_rounded_and_none_is_widened():
    @checked
    def several(
        *, reward: cl.vocabulary.Reward
    ) -> tuple[cl.vocabulary.Credit, cl.vocabulary.Group, cl.vocabulary.Credit]:
        return reward.to(DOUBLE), torch.arange(2), reward.to(torch.float16)

    dtypes = [part.dtype for part in several(reward=REWARD)]
    assert dtypes == [torch.float32, torch.int64, torch.float16]
    dtypes = [part.dtype for part in several(reward=REWARD.to(DOUBLE))]
    assert dtypes == [DOUBLE, torch.int64, torch.float16]


def test_a_change_of_layout_keeps_the_dtype():
    x, length = torch.ones(2, 2, dtype=DOUBLE), torch.tensor([2, 1])
    assert cl.layouts.pack(x, length)[0].dtype == DOUBLE


def test_a_backend_is_refused_before_anything_is_computed(refusal, monkeypatch):
    monkeypatch.setitem(INSTALLED, "numba", False)
    ran = []

    @checked
    def estimator(*, reward: Reward, backend: Backend = "auto") -> Credit:
        ran.append(backend)
        return reward

    wanted = "estimator: `backend` must be 'auto', 'torch' or an installed backend, "
    assert refusal(estimator, reward=REWARD, backend="numba") == (
        f"{wanted}got 'numba', which is not installed."
    )
    assert ran == []
    estimator(reward=REWARD)
    estimator(reward=REWARD, backend="torch")
    assert ran == ["auto", "torch"]


def test_a_call_leaves_the_switch_of_gradients_as_it_was():
    tensors = {"reward": torch.ones(2, requires_grad=True), "group": torch.tensor([0, 0])}
    for switch in (torch.enable_grad, torch.no_grad, torch.inference_mode):
        with switch():
            before = torch.is_grad_enabled()
            assert not cl.grpo(**tensors).requires_grad
            assert torch.is_grad_enabled() == before
            with pytest.raises(ContractError):
                cl.grpo(**tensors, scale="mad", scale_over="centered_batch")
            assert torch.is_grad_enabled() == before
