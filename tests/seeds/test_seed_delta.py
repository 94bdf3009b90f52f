"""DelTA against the authors' code, transcribed: the margin, the weight, and credit of tokens."""

import torch
from seed_numbers import LATER, assert_complete, cases, compare

import creditlib as cl
from creditlib.ops.margin import two_sided_margin


def margin(x):
    mass = x["credit"][:, None].expand_as(x["log_prob"])
    scale = 1 - x["log_prob"].double().exp()
    found = two_sided_margin(x["hidden"], scale, mass, x["turn"] >= 0)
    return found.to(x["credit"].dtype)


def advantage(x):
    return cl.to_tokens(x["credit"], x["turn"], weight=cl.delta_weight(**x))


RUNS = {"margin": margin, "weight": lambda x: cl.delta_weight(**x), "advantage": advantage}


def test_every_output_is_compared():
    assert_complete("delta", RUNS)


@cases(RUNS, LATER)
def test_the_authors_numbers(source, name, dtype):
    compare("delta", source, name, dtype, RUNS[name])


@cases(["weight"], LATER)
def test_packed_tokens_have_the_same_weights(source, name, dtype):
    def packed(x):
        rows, width = x["turn"].shape
        flat = {key: x[key].flatten(0, 1) for key in ("hidden", "log_prob", "turn")}
        offsets = torch.arange(rows + 1) * width
        return cl.delta_weight(credit=x["credit"], offsets=offsets, **flat).view(rows, width)

    compare("delta", source, name, dtype, packed)
