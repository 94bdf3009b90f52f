import functools

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


def work(rank, store, results):
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=WORLD)
    torch.set_num_threads(1)
    found = {}
    for split in SPLITS:
        for name, function in ESTIMATORS.items():
            found[split, name] = gathered(function)(**part(whole(function), rank, split))
    credit, weight = torch.arange(3.0) + rank, torch.tensor([1, 0, 2])
    found["moments"] = gathered(cl.whitening_stats)(credit=credit, weight=weight)
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


def test_a_tensor_that_one_rank_lacks_is_refused_on_every_rank(ranks):
    """It used to let the others wait for ever."""
    words = ["`group` torch.int64 of 1 axes, `reward` torch.float32 of 1 axes"] * 2
    words[1] += ", `valid` torch.bool of 1 axes"
    assert [each["other words"] for each in ranks] == [
        "gathered: `arguments` must be the same tensors on every rank, "
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


def test_it_is_named_and_read_like_the_estimator():
    assert gathered(cl.grpo).__name__ == "grpo"
    batch = random_arguments(cl.grpo)
    assert torch.equal(cl.apply(gathered(cl.grpo), batch), cl.grpo(**batch))
