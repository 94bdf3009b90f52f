"""APPO against the authors' functions; `base` and `future_carried` against their equations."""

import pytest
import torch
from seed_numbers import assert_complete, cases, compare

import creditlib as cl
from creditlib.algebra import relative

pytestmark = pytest.mark.usefixtures("quick_backend")


def rows(x):
    """Their branches are named by rows and columns: a row's id is its number here."""
    source, place = x["branch_of"], x["branch_at"]
    before = torch.arange(x["turn"].shape[1]) <= place[:, None]
    shared = ((x["turn"][source.clamp(min=0)] >= 0) & before).sum(1)
    return {
        **{key: x[key] for key in ("reward", "group", "turn")},
        "rollout": torch.arange(len(source)),
        "branch_of": source,
        "branch_at": torch.where(source >= 0, shared, 0),
    }


def base(x):
    kind = (x["branch_of"] >= 0).long()
    return relative(x["reward"], x["group"], kind, scale="std", ddof=0, eps=1e-6, lone="zero")


def weight(x, **options):
    given = {key: x[key] for key in ("log_prob", "old_log_prob", "turn")}
    return cl.future_weight(**given, **options)


def counting_gaps(x, **options):
    """Theirs: tool output counts in the distance, as a token whose ratio is 1."""
    first_to_last = x["turn"] >= 0
    ratio = {key: torch.where(first_to_last, x[key], 0) for key in ("log_prob", "old_log_prob")}
    every = {**x, **ratio, "turn": torch.zeros_like(x["turn"])}
    return torch.where(x["turn"] >= 0, weight(every, **options), 0)


def reward_scale(x):
    """M = 1 + score / largest of the batch · .9^(place − t), mean over the branches of a row."""
    total = torch.zeros_like(x["log_prob"], dtype=torch.float64)
    count = torch.zeros_like(x["branch_of"])
    column = torch.arange(total.shape[1])
    for j, source in enumerate(x["branch_of"].tolist()):
        if source < 0:
            continue
        gap = x["branch_at"][j] - column
        scale = (
            x["branch_score"][j].double()
            / x["branch_score"].double().max()
            * 0.9 ** gap.clamp(min=0)
        )
        total[source] += torch.where(gap >= 0, 1 + scale, 1.0)
        count[source] += 1
    return torch.where(count[:, None] > 0, total / count.clamp(min=1)[:, None], 1.0)


RUNS = {
    "base": base,
    "advantage": lambda x: cl.branch_credit(**rows(x)),
    "advantage_mean": lambda x: cl.branch_credit(**rows(x), scale=None),
    "future": counting_gaps,
    "future_high": lambda x: counting_gaps(x, low=1.0),
    "future_carried": weight,
    "weighted": lambda x: cl.branch_credit(**rows(x)) * (1 + counting_gaps(x)),
}


def test_every_output_is_compared():
    assert_complete("appo", {**RUNS, "reward_scale": reward_scale})


@cases(RUNS)
def test_the_numbers(source, name, dtype):
    compare("appo", source, name, dtype, RUNS[name])


@pytest.mark.parametrize("source", [11, 12])
def test_the_scale_of_token_rewards(source):
    """It acts on rewards of tokens, not on an outcome at the end: a few lines, no function."""
    compare("appo", source, "reward_scale", torch.float64, reward_scale, "golden")
