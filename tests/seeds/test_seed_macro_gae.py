"""GAE over macro actions against MA-RLHF's functions, and against a loop of the equations.

The authors average rewards inside a piece and keep the last token of a row alone. Their cuts hold
an empty piece where the length minus 1 is a multiple of `size`: only rows without one, `regular`,
are compared. `plain_*` has no such rule: all rows are compared.
"""

import pytest
import torch
from seed_numbers import assert_complete, batch, cases, compare

import creditlib as cl

pytestmark = pytest.mark.usefixtures("quick_backend")


def pieces(x, **options):
    return cl.layouts.macro_actions(x["turn"], size=int(x["size"]), **options)


def means(x, macro, count, *, weight=None):
    """The weighted mean of `x` over each piece."""
    weight = torch.ones_like(x) if weight is None else weight
    columns = int(count.max())
    mass = cl.turn_sum(weight, macro, columns)
    return cl.turn_sum(weight * x, macro, columns) / torch.where(mass > 0, mass, 1.0)


def over_pieces(reward, value, macro, count):
    """(advantage, returns) of the tokens: GAE in which a piece is a turn."""
    found = cl.turn_gae(
        turn_reward=reward, turn_value=value, turn_count=count, gamma=0.99, lam=0.95
    )
    return [cl.to_tokens(credit, macro) for credit in found]


def plain(x):
    macro, count = pieces(x)
    reward = cl.turn_sum(x["token_reward"], macro, int(count.max()))
    return over_pieces(reward, means(x["value"], macro, count), macro, count)


def official(x):
    macro, count = pieces(x, alone_last=True)
    reward, value = (means(x[name], macro, count) for name in ("token_reward", "value"))
    return over_pieces(reward, value, macro, count)


def position(x):
    """1 / (i + 1) for the i-th token of its piece."""
    macro, _ = pieces(x, alone_last=True)
    width = macro.shape[1]
    before = torch.tril(torch.ones(width, width, dtype=torch.bool), -1)
    same = (macro[:, :, None] == macro[:, None]) & before
    return 1 / (1 + same.sum(2).to(x["value"].dtype))


def regular(x):
    length = (x["turn"] >= 0).sum(1)
    return (length - 1) % int(x["size"]) != 0


def on_regular(x, found, other=0):
    """The result of the rows whose pieces are the authors', their `other` on the rest."""
    return torch.where(regular(x).view(-1, *[1] * (found.ndim - 1)), found, other)


def table(x, name, **options):
    """Means over pieces, with as many columns as there are tokens."""
    macro, count = pieces(x, alone_last=True)
    found = means(x[name], macro, count, **options)
    return on_regular(x, torch.nn.functional.pad(found, (0, macro.shape[1] - found.shape[1])))


RUNS = {
    "regular": regular,
    "plain_macro": lambda x: pieces(x)[0],
    "plain_advantage": lambda x: plain(x)[0],
    "plain_returns": lambda x: plain(x)[1],
    "macro": lambda x: on_regular(x, pieces(x, alone_last=True)[0], -1),
    "macro_count": lambda x: on_regular(x, pieces(x, alone_last=True)[1]),
    "macro_value": lambda x: table(x, "value"),
    "macro_reward": lambda x: table(x, "token_reward"),
    "advantage": lambda x: on_regular(x, official(x)[0]),
    "returns": lambda x: on_regular(x, official(x)[1]),
}
BY_POSITION = {"macro_value_position": lambda x: table(x, "value", weight=position(x))}


def test_every_output_is_compared():
    assert_complete("macro_gae", {**RUNS, **BY_POSITION})


@cases(RUNS)
def test_the_numbers(source, name, dtype):
    compare("macro_gae", source, name, dtype, RUNS[name])


@cases(BY_POSITION)
def test_the_means_by_position(source, name, dtype):
    """The authors hold the weights 1 / (i + 1) in float32."""
    compare("macro_gae", source, name, dtype, BY_POSITION[name], "golden")


@pytest.mark.parametrize("source", [11, 12])
def test_packed_pieces_are_padded_ones(source):
    x, _ = batch("macro_gae", source)
    present = x["turn"] >= 0
    turn, offsets = cl.layouts.pack(x["turn"], present=present)
    for alone in (False, True):
        macro, count = pieces(x, alone_last=alone)
        found = pieces({**x, "turn": turn}, alone_last=alone, offsets=offsets)
        assert torch.equal(found[0], cl.layouts.pack(macro, present=present)[0])
        assert torch.equal(found[1], count)
