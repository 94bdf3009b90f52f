"""GAE over turns against HiPER's, VinePPO's, AReaL's and SPO's functions."""

import pytest
import torch
from seed_numbers import LATER, assert_complete, batch, cases, compare

import creditlib as cl

pytestmark = pytest.mark.usefixtures("quick_backend")


def real(x):
    return torch.arange(x["turn_value"].shape[1]) < x["turn_count"][:, None]


def over_turns(x, **options):
    names = ("turn_reward", "turn_value", "turn_count")
    return cl.turn_gae(**{name: x[name] for name in names}, **options)


RUNS = {
    "advantage": lambda x: over_turns(x, gamma=0.9, lam=0.8)[0],
    "returns": lambda x: over_turns(x, gamma=0.9, lam=0.8)[1],
    "lam_return": lambda x: over_turns(x, gamma=0.9, lam=0.8)[1],
    "whitened": lambda x: cl.whiten(over_turns(x, gamma=0.9, lam=0.8)[0], real(x)),
    "vineppo": lambda x: over_turns(x, lam=0.0)[0],
}


def lam_vapo(x):
    return (1 - 1 / (2 * x["turn_count"])).clamp(min=0).to(x["value"].dtype)


def on_tokens(x, at="first", **options):
    """(advantage, returns) of the tokens, as AReaL makes them of tokens."""
    turns = int(x["turn_count"].max())
    found = cl.turn_gae(
        turn_reward=cl.turn_sum(x["token_reward"], x["turn"], turns),
        turn_value=cl.layouts.turn_values(x["value"], x["turn"], turns, at=at),
        turn_count=x["turn_count"],
        bootstrap=x["bootstrap"],
        gamma=0.9,
        **options,
    )
    return [cl.to_tokens(each, x["turn"]) for each in found]


def every_token(x):
    names = ("token_reward", "value", "turn", "bootstrap")
    return cl.gae(**{name: x[name] for name in names}, gamma=0.9, lam=0.8)[0]


TOKEN_RUNS = {
    "advantage": lambda x: on_tokens(x, lam=0.8)[0],
    "returns": lambda x: on_tokens(x, lam=0.8)[1],
    "token_advantage": every_token,
    "lam_vapo": lam_vapo,
    "advantage_vapo": lambda x: on_tokens(x, row_lam=lam_vapo(x))[0],
}


def spo(x):
    """Segments with values of rollouts; only tokens that were not all but sure are trained."""
    reward = cl.outcome_at_last_turn(
        reward=x["reward"], turn_count=x["turn_count"], turns=x["turn_value"].shape[1]
    )
    credit, _ = over_turns({**x, "turn_reward": reward}, lam=0.0)
    unsure = (x["log_prob"].exp() <= 0.9).to(credit.dtype)
    return cl.to_tokens(credit, x["turn"], weight=unsure)


def test_every_output_is_compared():
    assert_complete("turn_gae", RUNS)
    assert_complete("turn_gae_tokens", TOKEN_RUNS)
    assert_complete("spo", {"advantage": spo})


@cases(RUNS, LATER)
def test_the_numbers(source, name, dtype):
    compare("turn_gae", source, name, dtype, RUNS[name])


@cases(TOKEN_RUNS, LATER)
def test_the_numbers_of_tokens(source, name, dtype):
    """AReaL computes in float32."""
    compare("turn_gae_tokens", source, name, dtype, TOKEN_RUNS[name], "golden")


@cases(["advantage"], LATER)
def test_spo(source, name, dtype):
    compare("spo", source, name, dtype, spo)


@pytest.mark.parametrize("source", LATER)
def test_the_token_whose_value_is_read_turns_the_sign(source):
    """First token against last token: the sign of more than a tenth of the tokens differs."""
    x, _ = batch("turn_gae_tokens", source)
    first, last = (on_tokens(x, at, lam=0.8)[0] for at in ("first", "last"))
    written = x["turn"] >= 0
    differs = (first * last < 0)[written].float().mean()
    assert differs > 0.1
