"""Credit of branches by hand, against a loop, packed, and what is ignored."""

import pytest
import torch
from helpers import F64, assert_same
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments

pytestmark = pytest.mark.usefixtures("quick_backend")

# Two rollouts from the start, and two branches of the first: they share 2 tokens and 1 token.
ROWS = {
    "reward": torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=F64),
    "group": torch.tensor([0, 0, 0, 0]),
    "rollout": torch.tensor([10, 11, 12, 13]),
    "branch_of": torch.tensor([-1, -1, 10, 10]),
    "branch_at": torch.tensor([0, 0, 2, 1]),
}
TURN = torch.tensor([[-1, 0, -1, 1, 1]] * 4)  # the third token is tool output


def test_by_hand():
    # Rollouts: 1/2 and -1/2. Branches: 1/2 and -1/2. Token 0 of row 0 is shared by both branches:
    # 1/2 + 0; token 1 by the first: 1/2 + 1/2; token 2 by none: 1/2.
    found = cl.branch_credit(**ROWS, turn=TURN, scale=None)
    assert found[0].tolist() == [0, 0.5, 0, 1.0, 0.5]
    assert found[1].tolist() == [0, -0.5, 0, -0.5, -0.5]
    assert_same(found[2:], torch.zeros(2, 5, dtype=F64))


def test_packed_is_padded():
    packed = TURN[:, 1:].reshape(-1)
    offsets = torch.arange(5) * 4
    found = cl.branch_credit(**ROWS, turn=packed, offsets=offsets)
    assert_same(found.view(4, 4), cl.branch_credit(**ROWS, turn=TURN)[:, 1:])


def test_branches_of_rows_that_do_not_count_are_ignored():
    plain = cl.branch_credit(**ROWS, turn=TURN, scale=None)
    base = torch.where(TURN >= 0, plain[:, 4:], 0)
    gone = {**ROWS, "branch_of": torch.tensor([-1, -1, 99, 99])}
    assert_same(cl.branch_credit(**gone, turn=TURN, scale=None)[:2], base[:2])
    # Row 3 branches from row 2, which is a branch itself.
    nested = {**ROWS, "branch_of": torch.tensor([-1, -1, 10, 12])}
    found = cl.branch_credit(**nested, turn=TURN, scale=None)
    assert found[0].tolist() == [0, 1.0, 0, 1.0, 0.5]
    valid = torch.tensor([False, True, True, True])
    found = cl.branch_credit(**ROWS, turn=TURN, scale=None, valid=valid)
    assert_same(found, torch.zeros(4, 5, dtype=F64))  # row 1 is alone among the rollouts


@given(seed=st.integers(0, 10**6))
def test_against_a_loop(seed):
    x = random_arguments(cl.branch_credit, seed=seed, dtype=F64, optional=True)
    kind = (x["branch_of"] >= 0).long()
    own = cl.grpo(reward=x["reward"], group=x["group"] * 2 + kind, valid=x["valid"], ddof=0)
    wanted = torch.zeros(x["turn"].shape, dtype=F64)
    for i in range(12):
        if kind[i] or not x["valid"][i]:
            continue
        for rank, t in enumerate((x["turn"][i] >= 0).nonzero()[:, 0].tolist()):
            mine = [
                float(own[j])
                for j in range(12)
                if x["valid"][j] and x["branch_of"][j] == x["rollout"][i]
                if x["branch_at"][j] > rank
            ]
            wanted[i, t] = own[i] + (sum(mine) / len(mine) if mine else 0)
    assert_close(cl.branch_credit(**x), wanted)


def test_a_source_without_tokens_and_a_source_of_another_group_are_ignored():
    # Row 0 wrote two tokens, row 1 none. Row 2 was branched from row 1, row 3 from row 0, which is
    # of another group. No token gets anything of a branch; rows 0 and 1 are +-1/2 of each other.
    given = {
        "reward": torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0]),
        "group": torch.tensor([0, 0, 0, 0, 7]),
        "turn": torch.tensor([[0, 0], [-1, -1], [0, 0], [0, 0], [0, 0]]),
        "rollout": torch.tensor([10, 11, 12, 13, 14]),
        "branch_of": torch.tensor([-1, -1, 11, 11, 10]),
        "branch_at": torch.tensor([0, 0, 2, 1, 2]),
    }
    credit = cl.branch_credit(**given, scale=None, lone="raw")
    assert credit.tolist() == [[0.5, 0.5], [0, 0], [0, 0], [0, 0], [0, 0]]


def test_a_batch_without_tokens():
    given = {name: torch.zeros(1, dtype=torch.int64) for name in ("group", "rollout", "branch_at")}
    empty = torch.zeros(0, dtype=torch.int64)
    credit = cl.branch_credit(
        **given,
        reward=torch.ones(1),
        branch_of=torch.tensor([-1]),
        turn=empty,
        offsets=torch.tensor([0, 0]),
    )
    assert credit.shape == (0,)
