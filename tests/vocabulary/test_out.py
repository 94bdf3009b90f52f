"""What a result is written into: refused in one sentence, before anything is computed."""

import pytest
import torch

import creditlib as cl
from creditlib.testing import random_arguments
from creditlib.vocabulary.annotations import tensors_of
from creditlib.vocabulary.out import check_out, out_pair, refuse_shared_memory

TURN = torch.zeros(2, 3, dtype=torch.int64)
RATES = {"gae": {"gamma": 0.9, "lam": 0.8}, "discounted_return": {"gamma": 0.9}}
WRITE = {
    name: getattr(cl, name) for name in ("gae", "discounted_return", "reinforce_plus_plus")
} | {"to_tokens": cl.to_tokens}
PAIRS = ("gae", "reinforce_plus_plus")


@pytest.mark.parametrize(
    ("out", "fact"),
    [
        (torch.zeros(2, 2), "torch.float32 (2, 3), got torch.float32 (2, 2)"),
        (torch.zeros(2, 3).half(), "torch.float32 (2, 3), got torch.float16 (2, 3)"),
        (torch.zeros(2, 3, device="meta"), "torch.float32 (2, 3) on cpu, got meta"),
    ],
)
def test_out_is_refused(out, fact, refusal):
    sentence = refusal(check_out, "gae", TURN, torch.float32, out)
    assert sentence == f"gae: `out` must be {fact}."


def test_out_of_the_right_kind_is_taken():
    check_out("gae", TURN, torch.float32, torch.zeros(2, 3), None)
    check_out("gae", TURN[:1, :1], torch.float32, torch.zeros(1, 1).expand(1, 1))


def test_a_pair_is_two_tensors(refusal):
    one, two = torch.zeros(1), torch.ones(1)
    assert out_pair("gae", None) == (None, None)
    assert out_pair("gae", (one, two)) == (one, two)
    for wrong, fact in (
        ((one,), "tuple"),
        (one, "torch.float32 (1,)"),
        ((one, one), "one tensor twice"),
    ):
        sentence = refusal(out_pair, "gae", wrong)
        assert sentence == f"gae: `out` must be two tensors, (advantage, returns), got {fact}."


def call(name, **more):
    """A call of a function that writes into `out`."""
    given = random_arguments(WRITE[name], optional=True)
    if name == "to_tokens":
        given = {**given, "weight": torch.ones(given["turn"].shape)}
        given.pop("token_weight", None)
    return given, {**RATES.get(name, {}), **more}


def outs(name, first, like):
    return (first, torch.zeros_like(like)) if name in PAIRS else first


def said(call):
    """The sentence that refuses a call, or what it returned."""
    try:
        return call()
    except cl.ContractError as error:
        return str(error)


def test_out_over_its_input_is_refused_by_hand():
    """Rewards 3, 0, 2 in a gap would be read after they were overwritten."""
    reward, turn = torch.tensor([[3.0, 0.0, 2.0]]), torch.tensor([[0, -1, 0]])
    found = said(
        lambda: cl.discounted_return(token_reward=reward, turn=turn, gamma=1.0, out=reward)
    )
    assert "got memory of `token_reward`" in str(found)


def test_results_over_each_other_are_refused_by_hand():
    out, x = torch.zeros(1, 2), torch.ones(1, 2)
    given = {"token_reward": x, "value": x.clone(), "turn": torch.zeros(1, 2, dtype=torch.int64)}
    found = said(lambda: cl.gae(**given, gamma=1.0, lam=1.0, out=(out, out.view(-1).view(1, 2))))
    assert "got two tensors that overlap" in str(found)


ALIASED = [
    (name, argument)
    for name, function in WRITE.items()
    for argument in tensors_of(function)
    if argument not in ("out", "offsets")
]


@pytest.mark.parametrize(("name", "argument"), ALIASED)
@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_out_over_any_input_is_refused(name, argument, backend, refusal):
    """Whatever is written would change what is still to be read."""
    given, more = call(name, backend=backend)
    shape = given["turn"].shape
    memory = torch.zeros(shape.numel() + given[argument].numel())
    if argument in given and given[argument].dtype == torch.float32:
        given[argument] = memory[: given[argument].numel()].view(given[argument].shape)
    else:  # bytes of another dtype: ids, flags and masks
        own = given[argument]
        memory = torch.zeros(shape.numel() * 2 + own.numel() * own.element_size())
        given[argument] = memory.view(own.dtype)[: own.numel()].view(own.shape).copy_(own)
    first = memory[: shape.numel()].view(shape)
    sentence = refusal(WRITE[name], **given, **more, out=outs(name, first, first))
    assert sentence == (
        f"{name}: `out` must be memory of its own, got memory of `{argument}`; give a new tensor."
    )


@pytest.mark.parametrize("name", PAIRS)
def test_results_that_share_memory_are_refused(name, refusal):
    given, more = call(name)
    shape = given["turn"].shape
    one = torch.zeros(shape)
    for other in (one.view(-1).view(shape), one.as_strided(shape, one.stride())):
        assert refusal(WRITE[name], **given, **more, out=(one, other)) == (
            f"{name}: `out` must be memory of its own, got two tensors that overlap; "
            "give a new tensor."
        )


def test_elements_that_overlap_are_refused(refusal):
    given, _ = call("to_tokens")
    rows, width = given["turn"].shape
    for out in (
        torch.zeros(rows, 1).expand(rows, width),
        torch.zeros(rows * width).as_strided((rows, width), (1, 1)),
    ):
        assert refusal(cl.to_tokens, **given, out=out) == (
            "to_tokens: `out` must be memory of its own, got a tensor whose elements overlap; "
            "give a new tensor."
        )


@pytest.mark.parametrize("name", PAIRS)
def test_columns_of_one_table_are_two_tensors(name):
    """A buffer [row, token, 2] for both results, and halves of one wide table."""
    given, more = call(name)
    rows, width = given["turn"].shape
    expected = WRITE[name](**given, **more)
    both, wide = torch.zeros(rows, width, 2), torch.zeros(rows, 2 * width)
    for out in ((both[..., 0], both[..., 1]), (wide[:, :width], wide[:, width:])):
        found = WRITE[name](**given, **more, out=out)
        assert all(map(torch.equal, found, expected))


def test_an_axis_of_one_element_may_have_any_stride():
    out = torch.zeros(1, 3).as_strided((1, 3), (0, 1))
    refuse_shared_memory("f", {"out": out, "x": torch.zeros(3)})


def test_only_the_named_input_may_be_written_over():
    """Each of its elements is read before it is written: only by itself, then."""
    x, other = torch.zeros(4), torch.zeros(4)
    refuse_shared_memory("f", {"out": x, "x": x, "other": other}, in_place="x")
    refuse_shared_memory("f", {"out": x.view(4), "x": x, "other": other}, in_place="x")
    for given in (
        {"out": other, "x": x, "other": other},  # another input
        {"out": x[1:], "x": x[:3]},  # other elements of the same memory
        {"out": x.view(2, 2).T, "x": x.view(2, 2)},  # the same ones in another order
        {"out": torch._neg_view(x), "x": x},  # the same ones with another sign
    ):
        with pytest.raises(cl.ContractError, match="got memory of"):
            refuse_shared_memory("f", given, in_place="x")
