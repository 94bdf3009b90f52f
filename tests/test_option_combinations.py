"""All combinations of options and of optional tensors of every estimator, against plain loops.

Half of the batches have an eps of 0, where a scale that should be 0 and is rounding instead would
show as a huge number. A combination whose scale is rounding is refused.
"""

import inspect
import itertools

import option_loops
import peer_loops
import process_loops
import pytest
import token_loops
import torch
import tree_loops
import turn_value_loops
from helpers import F64, QUICK, assert_same, results

import creditlib as cl
from creditlib import estimators
from creditlib.testing import assert_close, random_arguments
from creditlib.vocabulary.annotations import options_of, tensors_of

SIZE = {"batch": 8, "turns": 3, "tokens": 12, "dtype": F64}
# Numbers that are neither 0 nor 1, so that none of them is lost unseen.
NUMBERS = {
    "gamma": 0.75,
    "lam": 0.5,
    "lam_turn": 0.5,
    "lam_segment": 0.25,
    "turn_gamma": 0.5,
    "turn_lam": 0.75,
    "rho_max": 1.25,
    "c_max": 0.75,
    "alpha": 0.25,
    "width": 0.5,
    "temperature": 0.5,
    "step_weight": 0.5,
    "episode_weight": 1.5,
    "reward_weight": 2.0,
    "invalid_penalty": 0.25,
    "normalizer": 2.0,
    "prior": 0.125,
    "length_weight": 0.5,
    "history": 2,
    "coefficient": 0.5,
}
EPS = {"eps": 0.125, "variance_eps": 0.25, "whiten_eps": 0.125}
LOOPS = (option_loops, peer_loops, process_loops, token_loops, tree_loops, turn_value_loops)
BACKENDS = [name for name in QUICK if name != "triton"]


def refused(name, options, tensors):
    """The argument that a combination is refused for, '' for a combination with a meaning."""
    if name == "grpo" and options["scale_over"] == "centered_batch":
        return "scale_over" if options["scale"] in ("mean", "mad") else ""
    if name == "grpo_process" and options["over"] in ("group", "anchor"):
        if options["ended"] == "zero":
            return "over"
        return "anchor" if options["over"] == "anchor" and "anchor" not in tensors else ""
    if name == "hgpo":
        return "reward" if options["base"] and "reward" not in tensors else ""
    if name == "tree_credit":
        missing = options["value"] == "child_softmax" and "turn_entropy" not in tensors
        return "turn_entropy" if missing else ""
    token = name == "pure" and options["baseline"] == "token"
    return "turn_length" if token and "turn_length" not in tensors else ""


def choices(name):
    """Every combination of the choices of a function."""
    found = {
        option.name: [*option.choices, *([None] if option.optional else [])]
        for option in options_of(getattr(cl, name)).values()
        if option.choices
    }
    return [dict(zip(found, row, strict=True)) for row in itertools.product(*found.values())]


def optional(name):
    """Every set of optional tensors of a function; packed tokens are another layout."""
    tensors = tensors_of(getattr(cl, name)).items()
    free = [each for each, x in tensors if not x.required and each not in ("offsets", "out")]
    sets = (itertools.combinations(free, size) for size in range(len(free) + 1))
    return [set(each) for each in itertools.chain.from_iterable(sets)]


def batch(name, tensors, seed):
    """Random tensors: groups of one and of equal rewards, ties, zeros, rows without turns."""
    x = random_arguments(getattr(cl, name), seed=seed, optional=True, **SIZE)
    required = {each for each, spec in tensors_of(getattr(cl, name)).items() if spec.required}
    x = {each: value for each, value in x.items() if each in required | tensors}
    if seed % 4 == 1 and "reward" in x:
        x["reward"] = torch.where(x["group"] == x["group"][0], 0.75, x["reward"])
    if "rewards" in x and seed % 4 == 2:  # two objectives that cancel, and a constant one
        first, half = x["rewards"][:, :1], torch.full((8, 1), 0.5, dtype=F64)
        x["rewards"] = torch.cat([first, 1 - first, half], 1)
    if "rewards" in x and seed % 2:
        x["rewards"][torch.arange(24).view(8, 3) % 5 == seed % 5] = torch.nan
    if "token_reward" in x:  # rewards on tool output too; NaN is none
        x["token_reward"] = torch.where(
            torch.arange(96).view(8, 12) % 3 == 0,
            x["token_reward"].nan_to_num(0.5),
            x["token_reward"],
        )
    if "present" in x:
        x["present"] = (torch.arange(12) > 0) | (x["turn"] >= 0)
    return x


def numbers(name, seed):
    """Each number of a function; without any eps in every second batch."""
    found = options_of(getattr(cl, name))
    own = {each: value for each, value in NUMBERS.items() if each in found}
    return own | {each: value * (seed % 2) for each, value in EPS.items() if each in found}


def cases(name):
    """(options, tensors, seed) of every combination."""
    for seed, (options, tensors) in enumerate(itertools.product(choices(name), optional(name))):
        yield options, tensors, seed


def expected(name, x, options):
    loop = next(getattr(each, name) for each in LOOPS if hasattr(each, name))
    found = loop({each: v.tolist() for each, v in x.items()}, options)
    several = isinstance(found, tuple) or name in ("gae", "reinforce_plus_plus")
    parts = found if several else [found]
    return [torch.tensor(part, dtype=F64) for part in parts]


def outcome(function, arguments):
    """The result of a call and '', or None and the sentence that refuses it."""
    try:
        return function(**arguments), ""
    except cl.ContractError as error:
        return None, str(error)


@pytest.mark.parametrize("name", estimators.__all__)
def test_every_combination_gives_the_numbers_of_a_loop_or_is_refused(name):
    function = getattr(cl, name)
    backends = BACKENDS if "backend" in inspect.signature(function).parameters else [None]
    for options, tensors, seed in cases(name):
        x, every = batch(name, tensors, seed), options | numbers(name, seed)
        argument = refused(name, options, tensors)
        wanted = None if argument else expected(name, x, every)
        for backend in backends:
            call = every | ({"backend": backend} if backend else {})
            found, sentence = outcome(function, x | call)
            assert sentence.startswith(f"{name}: `{argument}` must be" if argument else sentence)
            assert bool(sentence) == bool(argument), f"{call}: {sentence}"
            if argument:
                continue
            for ours, theirs in zip(results(found), wanted, strict=True):
                try:
                    assert_close(ours, theirs)
                except AssertionError as error:
                    raise AssertionError(f"{call}, {sorted(tensors)}, seed {seed}") from error


def test_options_that_a_missing_scale_leaves_unread_change_no_bit():
    x = random_arguments(cl.grpo, seed=5, optional=True)
    plain = cl.grpo(**x, scale=None)
    for more in ({"scale_over": "batch"}, {"eps_at": "floor"}, {"eps": 9.0}, {"ddof": 0}):
        assert_same(cl.grpo(**x, scale=None, **more), plain)
