"""Estimators with one fault each, beside the same without it, and which tier tells them apart.

A tier tells two estimators apart where its result for the faulty one differs from that of the right
one beyond its interval or tolerance; `tells_apart` is the rule. All is made of public functions.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import torch

import creditlib as cl
from creditlib.algebra import per_turn, relative, returns_to_go, valid_turns
from creditlib.audit.credit_quality import quality
from creditlib.audit.expected_gradient import exact
from creditlib.audit.fact_sheet import answers
from creditlib.audit.subject import Audited, audited
from creditlib.audit.tasks import search
from creditlib.audit.training_path import path
from creditlib.testing import tolerance
from creditlib.vocabulary import Factor, TurnCount, TurnEntropy

TIERS = ("facts", "exact", "quality", "path")
SAME = tolerance("exact expectation")[1]
TURNED = 0.5  # of two cosines on a path, each known to ±0.25
CERTAIN = ("level", "dtypes", "heard", "invariances")  # of the facts; nothing is sampled in them


def tells_apart(tier, right, wrong, tasks, nightly=False):
    """Whether a tier's results for two estimators differ by more than it is uncertain.

    facts: any answer differs. exact: a cosine or scale differs by more than 1e-9. quality: a metric
    of the faulty one lies outside the 95 % interval of the right one, or only one of the two is
    defined. path: two cosines at one update, each known to ±0.25, differ by more than 0.5.
    """
    results = [_result(tier, each, tasks, nightly) for each in (right, wrong)]
    if tier == "facts":
        return results[0] != results[1]
    differs = {"exact": _exact_differs, "quality": _outside, "path": _turned}[tier]
    return any(differs(*pair) for pair in zip(*results, strict=True))


@functools.cache
def _result(tier, estimator, tasks, nightly):
    """What a tier finds: of the facts the certain ones, of the others the rows."""
    if tier == "facts":
        found = answers(estimator)
        return {key: found[key] for key in CERTAIN}
    if tier == "exact":
        return exact(estimator)
    if tier == "quality":
        size = {"groups": 1500, "resamples": 1000} if nightly else {"groups": 300, "resamples": 300}
        return quality(estimator, tasks, **size)
    updates = (0, 20, 40, 60) if nightly else (0, 60)
    return path(estimator, tasks, updates, groups=200, learning_rate=0.1)


def _exact_differs(right, wrong):
    assert right[:2] == wrong[:2]
    if None in (right.cosine, wrong.cosine):
        return right.cosine is not wrong.cosine
    return max(abs(right.cosine - wrong.cosine), abs(right.scale - wrong.scale)) > SAME


def _outside(right, wrong):
    assert right[:2] == wrong[:2]
    if None in (right.value, wrong.value):
        return right.value is not wrong.value
    rounding = SAME * max(1.0, abs(right.value))
    return not right.low - rounding <= wrong.value <= right.high + rounding


def _turned(right, wrong):
    assert right[:2] == wrong[:2]
    both = None not in (right.cosine, wrong.cosine)
    return both and abs(right.cosine - wrong.cosine) > TURNED


class Seeded(NamedTuple):
    """A fault, the estimator without it, the tiers that tell, and the tasks that are sampled."""

    fault: str
    right: Audited
    wrong: Audited
    tiers: tuple[str, ...]
    tasks: tuple[str, ...] = ("rooms",)


BUGS: list[Seeded] = []


_kept = functools.cache(audited)  # one estimator is audited once


def bug(fault, right, tiers, tasks=("rooms",), **options):
    """Registers a faulty function beside the right one, a name, a function, or an `Audited`."""

    def register(wrong: Callable | Audited):
        first = (
            _kept(right) if isinstance(right, str) and not options else audited(right, **options)
        )
        BUGS.append(Seeded(fault, first, audited(wrong, **options), tuple(tiers.split()), tasks))
        return wrong

    return register


def real_turns(x, turn_count):
    return valid_turns(turn_count, x.shape[1], None)


def last_turns(x, turn_count):
    return torch.arange(x.shape[1]) == turn_count[:, None] - 1


def minus_others(x, group, real, lone="raw"):
    number = torch.arange(x.shape[1])[None]
    return relative(x, group, number, where=real, center="leave_one_out", lone=lone)


def total(x, group):
    """The sum of x over each row's group, float[batch]."""
    _, place = group.unique(return_inverse=True)
    return torch.zeros_like(x).index_add_(0, place, x)[place]


def members(group):
    """The rows of each row's group, int[batch]."""
    return total(torch.ones_like(group), group)


# Return to go with a baseline of the others at the same turn.


@bug("return to go starts one turn late", "turn_mc", "facts exact quality")
def one_turn_late(*, turn_reward, group, turn_count):
    real = real_turns(turn_reward, turn_count)
    late = returns_to_go(turn_reward, real).roll(-1, 1)
    late[:, -1] = 0
    return minus_others(torch.where(real, late, 0), group, real)


@bug("groups are ignored", "turn_mc", "facts exact quality")
def groups_ignored(*, turn_reward, group, turn_count):
    real = real_turns(turn_reward, turn_count)
    return minus_others(returns_to_go(turn_reward, real), torch.zeros_like(group), real)


@bug("no credit where no other trajectory is left", "turn_mc", "facts exact")
def nothing_without_peers(*, turn_reward, group, turn_count):
    real = real_turns(turn_reward, turn_count)
    return minus_others(returns_to_go(turn_reward, real), group, real, lone="zero")


# Leave-one-out of outcomes.

bug("the mean holds the own row", "rloo", "exact")(audited("grpo", scale=None))


@bug("the sum of the others is divided by n", "rloo", "facts quality")
def others_over_n(*, reward, group):
    count = members(group)
    others = (reward - cl.rloo(reward=reward, group=group)) * (count - 1) / count
    return reward - others


OUTCOME = {"gamma": 1.0, "scale": None, "step_weight": 0.0}
bug(
    "the mean of outcomes is weighted by length",
    audited("gigpo", **OUTCOME, episode_over="trajectory"),
    "exact quality",
)(audited("gigpo", **OUTCOME, episode_over="turn"))

# Peers at the same state.

STATE = {"gamma": 1.0, "scale": None, "episode_weight": 0.0}
bug("only the own turn is left out", "anchor_lto", "facts exact")(
    audited("gigpo", **STATE, leave_out="turn")
)


@bug("the state of the next turn is compared", "anchor_lto", "exact quality")
def next_anchor(*, reward, group, turn_reward, anchor, turn_count):
    shifted = torch.where(last_turns(anchor, turn_count), anchor, anchor.roll(-1, 1))
    batch = {"reward": reward, "group": group, "turn_reward": turn_reward}
    options = {**STATE, "leave_out": "trajectory"}
    return cl.gigpo(**batch, anchor=shifted, turn_count=turn_count, **options)


# A critic.


def gae(turn_reward, value, following, real, lam=0.95):
    delta = torch.where(real, turn_reward + following - value, 0)
    return returns_to_go(delta, real, lam)


@bug("bootstraps past the end", "gae_exact_95", "facts exact quality")
def past_the_end(*, turn_reward, turn_value, turn_count):
    real, last = real_turns(turn_reward, turn_count), last_turns(turn_reward, turn_count)
    following = torch.where(last, turn_value, turn_value.roll(-1, 1))
    return gae(turn_reward, turn_value, following, real)


@bug("the difference of values has the wrong sign", "gae_exact_95", "facts exact quality")
def wrong_difference(*, turn_reward, turn_value, turn_count):
    real, last = real_turns(turn_reward, turn_count), last_turns(turn_reward, turn_count)
    following = torch.where(last, 0, turn_value.roll(-1, 1))
    return gae(turn_reward, -turn_value, -following, real)


bug("lam is not handed on", "gae_exact_0", "quality")("gae_exact_1")


@bug(
    "values are read one token late",
    audited("gae", gamma=1.0, lam=0.95),
    "facts exact quality path",
)
def one_token_late(*, token_reward, value, turn):
    late = torch.where(turn >= 0, value.roll(-1, 1), 0)
    return cl.gae(token_reward=token_reward, value=late, turn=turn, gamma=1.0, lam=0.95)[0]


# Information gain.


def gains_by_turn(information_gain, reward, group, turn_count, real):
    number = torch.arange(information_gain.shape[1])[None]
    options = {"scale": "std", "ddof": 0, "eps": 1e-6, "lone": "zero"}
    z = relative(information_gain, group, number, where=real, **options)
    outcome = cl.grpo(reward=reward, group=group, ddof=0)
    valid = real_turns(information_gain, turn_count)
    return returns_to_go(torch.where(valid, z, 0), valid) + per_turn(
        outcome, turn_count, information_gain.shape[1]
    )


def gains(information_gain, turn_count):
    """The gains of queries, and where they are."""
    real = real_turns(information_gain, turn_count)
    asks = real & ~last_turns(information_gain, turn_count)
    return torch.where(asks, information_gain, 0), asks


def right_gains(*, reward, group, information_gain, turn_count):
    gain, asks = gains(information_gain, turn_count)
    return gains_by_turn(gain, reward, group, turn_count, asks)


@bug("the gain of a query goes to the next turn", right_gains, "quality", ("search",))
def gain_one_turn_late(*, reward, group, information_gain, turn_count):
    gain, _ = gains(information_gain, turn_count)
    real = real_turns(gain, turn_count)
    return gains_by_turn(gain.roll(1, 1), reward, group, turn_count, real)


@bug(
    "padding is in the normalizer of gains",
    right_gains,
    "quality",
    (functools.partial(search, search_stop=True),),
)
def padded_normalizer(*, reward, group, information_gain, turn_count):
    gain, asks = gains(information_gain, turn_count)
    padding = ~real_turns(gain, turn_count)
    return gains_by_turn(gain, reward, group, turn_count, asks | padding)


# Process rewards.


@bug("padding is in the softmax", "pure_soft_min", "facts exact", ("reasoning",))
def padded_softmax(*, process_reward, group, turn_count):
    real = real_turns(process_reward, turn_count)
    scores = torch.where(real, process_reward, 0)
    weight = (-scores / 0.1).softmax(1)
    return minus_others(returns_to_go(weight * scores, real), group, real)


# Deviations.


@bug("one deviation for the whole batch", "grpo", "facts exact")
def one_deviation(*, reward, group):
    centred = cl.grpo(reward=reward, group=group, scale=None)
    return centred / (reward.std() + 1e-6)


@bug("rounding of a constant group is divided by eps", "grpo", "facts")
def residue(*, reward, group):
    count = members(group)
    mean = total(reward, group) / count
    variance = total((reward - mean).square(), group) / (count - 1).clamp(min=1)
    return (reward - mean) / (variance.sqrt() + 1e-6)


@bug("a row without a group keeps its outcome", "rloo", "facts")
def lone_rows_keep(*, reward, group):
    alone = members(group) == 1
    return torch.where(alone, reward, cl.rloo(reward=reward, group=group))


@bug("the sign is lost", "grpo", "exact quality path", ("recovery",))
def wrong_sign(*, reward, group):
    return -cl.grpo(reward=reward, group=group)


def whitened(*, turn_reward, turn_count):
    real = real_turns(turn_reward, turn_count)
    return cl.whiten(returns_to_go(turn_reward, real), real)


@bug("whitening counts turns that do not exist", whitened, "facts exact")
def whitened_with_padding(*, turn_reward, turn_count):
    real = real_turns(turn_reward, turn_count)
    return cl.whiten(returns_to_go(turn_reward, real), torch.ones_like(real))


def mean_of_turns(*, turn_reward, group, turn_count):
    mean = turn_reward.sum(1) / turn_count.clamp(min=1)
    return cl.rloo(reward=mean, group=group)


@bug("the mean of turns is over the width", mean_of_turns, "facts exact")
def mean_over_width(*, turn_reward, group, turn_count):
    return cl.rloo(reward=turn_reward.mean(1), group=group)


# Weights, shapers, random numbers.


@bug(
    "a fast action counts more",
    "duration_weight",
    "exact quality path",
    ("asynchronous",),
    on="rloo",
)
def inverse_duration(*, duration, turn_count: TurnCount) -> Factor:
    real = real_turns(duration, turn_count)
    return cl.duration_weight(duration=torch.where(real, 1 / duration, 0), turn_count=turn_count)


def floored(*, turn_entropy: TurnEntropy) -> Factor:
    """Turns of little entropy count less, but never less than 0.1; those without a choice 1."""
    weight = (1 + turn_entropy.clamp(min=1e-9).log10()).clamp(min=0.1)
    return torch.where(turn_entropy < 1e-9, 1, weight)


@bug("the floor of a weight is forgotten", floored, "path", ("asynchronous",), on="rloo")
def without_floor(*, turn_entropy: TurnEntropy) -> Factor:
    weight = 1 + turn_entropy.clamp(min=1e-9).log10()
    return torch.where(turn_entropy < 1e-9, 1, weight)


def shaped(*, turn_reward, potential, turn_count, group):
    more = cl.potential_shaping(potential=potential, turn_count=turn_count)
    return cl.rloo(reward=(turn_reward + more).sum(1), group=group)


@bug("the potential is kept at the end", shaped, "facts exact")
def potential_at_the_end(*, turn_reward, potential, turn_count, group):
    last = last_turns(potential, turn_count)
    final = torch.where(last, potential, 0).sum(1)
    more = cl.potential_shaping(potential=potential, turn_count=turn_count, final=final)
    return cl.rloo(reward=(turn_reward + more).sum(1), group=group)


def random_peer(*, reward, group, generator=None):
    """The outcome minus that of another row of the group, drawn at random."""
    luck = torch.rand(len(reward), len(reward), generator=generator)
    other = (group[:, None] == group[None]) & ~torch.eye(len(reward), dtype=torch.bool)
    return reward - reward[(luck + other).argmax(1)]


@bug("a random peer is of any group", random_peer, "facts quality")
def any_peer(*, reward, group, generator=None):
    luck = torch.rand(len(reward), len(reward), generator=generator)
    return reward - reward[luck.argmax(1)] + 0 * group
