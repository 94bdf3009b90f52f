"""Two ranks as two threads of one process: what they exchange, without a process group."""

import threading
from contextlib import contextmanager

import pytest
import torch
from helpers import NEEDS, assert_same, numeric_names, results

import creditlib as cl
from creditlib import distributed
from creditlib.distributed import gathered
from creditlib.testing import random_arguments


class Ranks:
    """What `gathered` asks of torch.distributed, for threads."""

    ProcessGroup = object

    def __init__(self, world):
        self.world, self.own = world, threading.local()
        self.sent, self.barrier = [None] * world, threading.Barrier(world, timeout=20)

    def is_available(self):
        return True

    is_initialized = is_available

    def get_world_size(self, _=None):
        return self.world

    def get_rank(self, _=None):
        return self.own.rank

    def all_gather(self, every, own, group=None):
        self.sent[self.own.rank] = own
        self.barrier.wait()
        for place, each in zip(every, self.sent, strict=True):
            place.copy_(each)
        self.barrier.wait()


@contextmanager
def ranks(world=2):
    """Threads are ranks for as long as the block runs."""
    real, fake = distributed.dist, Ranks(world)
    distributed.dist = fake
    try:
        yield fake
    finally:
        distributed.dist = real


def on_ranks(call):
    """What each rank got or the sentence that refused it."""
    found = [None, None]

    def run(rank, fake):
        fake.own.rank = rank
        try:
            found[rank] = call(rank)
        except cl.ContractError as error:
            found[rank] = str(error)
        except threading.BrokenBarrierError:
            found[rank] = "waits for ever"

    with ranks() as fake:
        threads = [threading.Thread(target=run, args=(rank, fake)) for rank in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return found


def test_groups_over_ranks_by_hand():
    """1 and 0 in one group: +1/2 on rank 0, −1/2 on rank 1."""
    group = torch.tensor([7])
    found = on_ranks(
        lambda rank: gathered(cl.grpo)(reward=torch.tensor([1.0 - rank]), group=group, scale=None)
    )
    assert [each.tolist() for each in found] == [[0.5], [-0.5]]


def test_rows_that_do_not_match_are_refused_on_both():
    found = on_ranks(
        lambda rank: gathered(cl.grpo)(
            reward=torch.ones(3 - rank), group=torch.zeros(2 + rank, dtype=torch.int64)
        )
    )
    assert all("must be tensors of as many rows" in str(each) for each in found)


def test_options_that_differ_are_refused_on_both():
    found = on_ranks(
        lambda rank: gathered(cl.grpo)(
            reward=torch.ones(2), group=torch.zeros(2).long(), eps=1e-6 * (1 + rank)
        )
    )
    assert all("must be the same on every rank" in str(each) for each in found)


def test_a_row_of_tokens_is_padded_with_tokens_that_nobody_wrote():
    """Returns 2, 2 and 1, 1, 1, 1: the mean is 8/6, of 6 tokens."""
    reward = [torch.tensor([[0.0, 2.0]]), torch.tensor([[0.0, 0.0, 0.0, 1.0]])]
    found = on_ranks(
        lambda rank: gathered(cl.reinforce_plus_plus)(
            token_reward=reward[rank], turn=torch.zeros_like(reward[rank]).long(), gamma=1.0
        )
    )
    table = torch.tensor([[2.0, 2, 0, 0], [1, 1, 1, 1]])
    expected = cl.whiten(table, torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]]))
    torch.testing.assert_close(found[0][0], expected[:1, :2])
    torch.testing.assert_close(found[1][0], expected[1:])


def test_out_receives_the_rows_of_its_rank():
    """1, 3 and 5 over both ranks: mean 3, variance 4; whitened −1, 0 and 1."""
    credit = [torch.tensor([1.0, 3.0]), torch.tensor([5.0])]
    outs = [torch.full((2,), torch.nan), torch.full((1,), torch.nan)]
    found = on_ranks(
        lambda rank: gathered(cl.whiten)(
            credit[rank], torch.ones_like(credit[rank]), eps=0.0, out=outs[rank]
        )
    )
    assert all(ours is out for ours, out in zip(found, outs, strict=True))
    assert [out.tolist() for out in outs] == [[-1, 0], [1]]
    wrong = on_ranks(
        lambda rank: gathered(cl.whiten)(
            credit[rank], torch.ones_like(credit[rank]), out=torch.zeros(3)
        )
    )
    assert wrong[1] == "whiten: `out` must be torch.float32 (1,), got torch.float32 (3,)."


def test_a_pair_of_outs_receives_the_rows_of_its_rank():
    reward = [torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 1.0]])]
    outs = [(torch.zeros(1, 2), torch.zeros(1, 2)) for _ in range(2)]

    def run(rank, **more):
        turn = torch.zeros(1, 2, dtype=torch.int64)
        return gathered(cl.reinforce_plus_plus)(
            token_reward=reward[rank], turn=turn, gamma=1.0, **more
        )

    expected = on_ranks(run)
    found = on_ranks(lambda rank: run(rank, out=outs[rank]))
    for ours, out, theirs in zip(found, outs, expected, strict=True):
        for own, place, other in zip(ours, out, theirs, strict=True):
            assert own is place
            assert torch.equal(place, other)


FUNCTIONS = [name for name in numeric_names() if name != "match_reward"]  # it compares no rows


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("first", [5, 12])
def test_every_function_gives_on_two_ranks_what_it_gives_on_one(name, first):
    """Groups lie on both ranks, or one rank has no rows."""
    function, more = getattr(cl, name), NEEDS.get(name, {})
    x = random_arguments(function, seed=3, batch=12, optional=True)
    parts = [
        {key: value[:first] for key, value in x.items()},
        {key: value[first:] for key, value in x.items()},
    ]
    found = on_ranks(lambda rank: gathered(function)(**parts[rank], **more))
    for number, whole in enumerate(results(function(**x, **more))):
        own = [results(each)[number] for each in found]
        if whole.ndim:
            assert_same(torch.cat(own), whole)
        else:
            assert all(torch.equal(each, whole) for each in own)
