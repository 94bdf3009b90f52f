import functools
import pickle

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

import creditlib as cl
from creditlib.distributed import gathered
from creditlib.testing import random_arguments

WORLD = 2
# Rows of rank 0 and 1; turns each rank's table is wide, of the 5 there may be.
SPLITS = {"uneven": ([5, 7], [4, 5]), "one without rows": ([12, 0], [5, 2])}
ESTIMATORS = {
    "grpo": cl.grpo,
    "gigpo": cl.gigpo,
    "igpo": cl.igpo,
    "pure": cl.pure,
    "gdpo": cl.gdpo,
    "whole-batch deviation": functools.partial(cl.grpo, scale_over="batch"),
    "whitened": cl.reinforce_plus_plus_baseline,
}


def whole(function):
    """One batch whose first rows have at most 4 turns."""
    arguments = random_arguments(function, optional=True)
    if "turn_count" in arguments:
        arguments["turn_count"][:5].clamp_(max=4)
    return arguments


def part(arguments, rank, split):
    """The rows of a rank, cut to the turns its own table has."""
    rows, turns = SPLITS[split]
    start = sum(rows[:rank])
    own = {name: x[start : start + rows[rank]] for name, x in arguments.items()}
    cut = {name: x[:, : turns[rank]] for name, x in own.items() if x.ndim == 2}
    return {**own, **({} if "rewards" in own else cut)}


WRONG = {
    "a number as a tensor": lambda: gathered(scaled)(reward=torch.ones(2), rate=torch.tensor(0.5)),
    "no tensor": lambda: gathered(scaled)(reward=[1.0], rate=0.5),
    "packed tokens": lambda: gathered(cl.discounted_return)(
        token_reward=torch.zeros(3),
        turn=torch.tensor([0, 0, 0]),
        offsets=torch.tensor([0, 2, 3]),
        gamma=1.0,
    ),
    "too many by place": lambda: gathered(cl.whiten)(torch.ones(2), torch.ones(2), 1e-8),
}


# Calls whose arguments depend on the rank.
ON_RANKS = {
    "other rows": lambda rank: gathered(cl.grpo)(
        reward=torch.ones(3 - rank), group=torch.zeros(2 + rank, dtype=torch.int64)
    ),
    "other rows on one rank": lambda rank: gathered(cl.grpo)(
        reward=torch.ones(2), group=torch.zeros(2 + rank, dtype=torch.int64)
    ),
    "other options": lambda rank: gathered(cl.grpo)(
        reward=torch.ones(2),
        group=torch.zeros(2, dtype=torch.int64),
        scale=None if rank else "std",
    ),
}


def token_rows(rank):
    """Rank 0 has a row of 2 tokens, rank 1 a row of 4; all are written."""
    width = 2 + 2 * rank
    reward = torch.arange(width)[None] + 1.0
    return {"token_reward": reward, "turn": torch.zeros(1, width, dtype=torch.int64)}


def scaled(*, reward, rate):
    return reward * rate


def work(rank, store, results):
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=WORLD)
    torch.set_num_threads(1)
    found = {}
    for split in SPLITS:
        for name, function in ESTIMATORS.items():
            found[split, name] = gathered(function)(**part(whole(function), rank, split))
    for name, wrong in ON_RANKS.items():
        try:
            found[name] = wrong(rank)
        except cl.ContractError as error:
            found[name] = str(error)
    tokens = token_rows(rank)
    found["tokens"] = gathered(cl.reinforce_plus_plus)(**tokens, gamma=1.0)
    credit, weight = torch.arange(3.0) + rank, torch.tensor([1, 0, 2])
    found["moments"] = gathered(cl.whitening_stats)(credit=credit, weight=weight)
    found["moments by place"] = gathered(cl.whitening_stats)(credit, weight)
    found["whitened by place"] = gathered(cl.whiten)(credit, weight)
    for name, wrong in WRONG.items():
        try:
            wrong()
        except cl.ContractError as error:
            found[name] = str(error)
    reward = torch.ones(2, requires_grad=True)
    own = gathered(cl.grpo)(reward=reward, group=torch.tensor([rank, rank]))
    found["with gradient"] = own
    batch = {"reward": torch.ones(2), "group": torch.tensor([0, 0])}
    more = {"valid": torch.tensor([True, True])} if rank else {}
    try:
        gathered(cl.grpo)(**batch, **more)
    except cl.ContractError as error:
        found["other words"] = str(error)
    torch.save(found, f"{results}/{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """What each of two processes computed."""
    folder = tmp_path_factory.mktemp("ranks")
    mp.spawn(work, args=(folder / "store", folder), nprocs=WORLD)
    return [torch.load(folder / f"{rank}.pt") for rank in range(WORLD)]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_two_ranks_give_the_numbers_of_one(ranks, name, split):
    """Bit for bit, each rank its own rows as wide as its own tables."""
    arguments = whole(ESTIMATORS[name])
    expected = ESTIMATORS[name](**arguments)
    for rank in range(WORLD):
        mine = ranks[rank][split, name]
        own = part({"credit": expected}, rank, split)["credit"]
        assert torch.equal(mine, own)


def test_the_split_matters_without_gathering():
    """The comparison above can fail: ranks on their own give other numbers."""
    for name in ("grpo", "gigpo", "pure", "whole-batch deviation"):
        function = ESTIMATORS[name]
        arguments = whole(function)
        expected = part({"credit": function(**arguments)}, 0, "uneven")["credit"]
        assert not torch.equal(function(**part(arguments, 0, "uneven")), expected)


def test_a_statistic_of_all_rows_is_the_same_on_every_rank(ranks):
    credit = torch.cat([torch.arange(3.0), torch.arange(3.0) + 1])
    expected = cl.whitening_stats(credit, torch.tensor([1, 0, 2, 1, 0, 2]))
    for rank in range(WORLD):
        assert all(map(torch.equal, ranks[rank]["moments"], expected))


def test_arguments_may_be_given_by_place(ranks):
    """Counts 1, 0 and 2 of credits 0, 1, 2 and of 1, 2, 3 on the other rank."""
    credit = torch.cat([torch.arange(3.0), torch.arange(3.0) + 1])
    expected = cl.whiten(credit, torch.tensor([1, 0, 2, 1, 0, 2]))
    for rank in range(WORLD):
        assert all(map(torch.equal, ranks[rank]["moments by place"], ranks[rank]["moments"]))
        assert torch.equal(ranks[rank]["whitened by place"], expected[3 * rank : 3 * rank + 3])


def test_what_cannot_be_gathered_is_refused(ranks):
    for each in ranks:
        assert each["a number as a tensor"] == (
            "gathered: `rate` must be a tensor with one entry a row, got torch.float32 (); "
            "pass a number, such as `.item()`."
        )
        assert each["packed tokens"] == (
            "gathered: `offsets` must be none: packed tokens are not gathered, got int[batch+1]; "
            "pad the rows."
        )
        assert each["no tensor"] == "gathered: `arguments` must be at least one tensor, got none."
        assert each["too many by place"] == (
            "gathered: `arguments` must be given by name, got 3 by place."
        )


def test_rows_that_do_not_match_are_refused_on_every_rank(ranks):
    """Sums of rows agree: 3 + 2 rewards and 2 + 3 groups. The credit would be of other rows."""
    wanted = "gathered: `arguments` must be tensors of as many rows, got"
    assert [each["other rows"] for each in ranks] == [
        f"{wanted} `group` 2, `reward` 3 on this rank.",
        f"{wanted} `group` 3, `reward` 2 on this rank.",
    ]
    assert [each["other rows on one rank"] for each in ranks] == [
        f"{wanted} other numbers on another rank.",
        f"{wanted} `group` 3, `reward` 2 on this rank.",
    ]


def test_options_that_differ_are_refused_on_every_rank(ranks):
    words = "`group` torch.int64 of 1 axes, `reward` torch.float32 of 1 axes"
    assert [each["other options"] for each in ranks] == [
        f"gathered: `arguments` must be the same on every rank, got {own} on this rank and others "
        "elsewhere."
        for own in (f"{words}, `scale` 'std'", words)
    ]


def test_rows_of_tokens_of_other_widths_are_gathered(ranks):
    """Padding is written by nobody: the moments are those of 6 tokens, and not of 8."""
    padded = {
        "token_reward": torch.tensor([[1.0, 2.0, 0.0, 0.0], [1.0, 2.0, 3.0, 4.0]]),
        "turn": torch.tensor([[0, 0, -1, -1], [0, 0, 0, 0]]),
    }
    expected = cl.reinforce_plus_plus(**padded, gamma=1.0)
    for rank, width in ((0, 2), (1, 4)):
        for ours, alone in zip(ranks[rank]["tokens"], expected, strict=True):
            assert torch.equal(ours, alone[rank : rank + 1, :width])


def test_a_tensor_that_one_rank_lacks_is_refused_on_every_rank(ranks):
    """It used to let the others wait for ever."""
    words = ["`group` torch.int64 of 1 axes, `reward` torch.float32 of 1 axes"] * 2
    words[1] += ", `valid` torch.bool of 1 axes"
    assert [each["other words"] for each in ranks] == [
        "gathered: `arguments` must be the same on every rank, "
        f"got {own} on this rank and others elsewhere."
        for own in words
    ]


def test_a_reward_with_gradient_is_gathered_too(ranks):
    assert all(torch.equal(each["with gradient"], torch.zeros(2)) for each in ranks)


def test_without_a_process_group_it_is_the_estimator_itself():
    for function in (cl.grpo, cl.gigpo):
        arguments = random_arguments(function, optional=True)
        assert torch.equal(gathered(function)(**arguments), function(**arguments))


def test_a_group_of_one_rank_is_the_estimator_itself(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/one", rank=0, world_size=1)
    try:
        arguments = random_arguments(cl.gigpo)
        assert torch.equal(gathered(cl.gigpo)(**arguments), cl.gigpo(**arguments))
    finally:
        dist.destroy_process_group()


def test_it_travels_to_other_processes():
    same = pickle.loads(pickle.dumps(gathered(cl.grpo)))
    batch = random_arguments(cl.grpo)
    assert torch.equal(same(**batch), cl.grpo(**batch))
    assert pickle.loads(pickle.dumps(same)).__name__ == "grpo"


def test_it_is_named_and_read_like_the_estimator():
    assert gathered(cl.grpo).__name__ == "grpo"
    batch = random_arguments(cl.grpo)
    assert torch.equal(cl.apply(gathered(cl.grpo), batch), cl.grpo(**batch))
