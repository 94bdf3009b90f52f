"""A-GRAE against the authors' function, on groups of two rows and more.

On all rows their numbers are a record and no target: a lone solved row comes to 82,688 there.
"""

import pytest
import torch
from seed_numbers import LATER, assert_complete, batch, cases, compare

import creditlib as cl
from creditlib import recipes
from creditlib.testing import assert_close

pytestmark = pytest.mark.usefixtures("quick_backend")


def rows(x):
    solved = x["reward"] > 0.5
    return {"reward": x["reward"], "solved": solved, "group": x["group"]}


RUNS = {
    "official_multi": lambda x: recipes.a_grae(**rows(x), valid=x["valid_multi"]),
    "official_multi_alpha_half": lambda x: recipes.a_grae(
        **rows(x), valid=x["valid_multi"], alpha=0.5
    ),
}


def test_every_output_is_compared():
    assert_complete("a_grae", RUNS, elsewhere=["official"])


@cases(RUNS, LATER)
def test_the_authors_numbers(source, name, dtype):
    compare("a_grae", source, name, dtype, RUNS[name])


@pytest.mark.parametrize("source", LATER)
def test_a_lone_row_neither_blows_up_nor_is_left_out(source):
    x, y = batch("a_grae", source)
    credit = recipes.a_grae(**rows(x))
    alone = ~x["valid_multi"]
    assert alone.any()
    assert not credit[alone].any()
    assert float(credit.abs().max()) < 2 < float(y["official"].abs().max())
    weight = cl.grae_weight(credit=credit, solved=rows(x)["solved"], group=x["group"])
    assert float(weight[alone].max()) <= 0.5


def test_the_formula_in_four_lines():
    x, y = batch("a_grae", 21)
    group, valid, won = x["group"], x["valid_multi"], x["reward"]
    peers = (group[:, None] == group) & valid
    share = (peers * won).sum(1) / peers.sum(1)
    total = torch.stack([share[valid][group[valid] == g][0] for g in group[valid].unique()]).mean()
    weight = ((1 - total) / (1 - share.sqrt() + 1e-6) + total / (share.sqrt() + 1e-6)) / 2
    credit = cl.grpo(reward=won, group=group, valid=valid)
    damped = torch.where(credit > 0, total, 1.0)
    assert_close(torch.where(valid, credit * weight * damped, 0.0), y["official_multi"])
