"""Names of estimators in a trainer's configuration."""

import pytest

import creditlib as cl
from creditlib import estimators
from creditlib.registry import Plugin
from creditlib.rows import names
from creditlib.rows.names import estimator_names, estimator_of, is_ours
from creditlib.vocabulary import words


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("creditlib", True),
        ("creditlib_rloo", True),
        ("creditlib_x", True),
        ("x", False),
        (None, False),
    ],
)
def test_names_of_ours(name, ours):
    assert is_ours(name) is ours


def test_every_estimator_of_credit_is_named():
    named = estimator_names()
    others = {
        "a2tgpo_clip_scale",
        "distillation_credit",
        "edge_credit",
        "hard_min_returns",
        "hierarchical_gae",
        "information_gain",
        "otb",
        "softmin_returns",
        "suffix_min_returns",
    }
    assert named["gigpo"] is cl.gigpo
    assert set(estimators.__all__) - others <= set(named)
    assert not others & set(named)


def test_plugins_that_load_are_named_and_never_hide_ours(monkeypatch):
    offered = [
        Plugin("mine", "pkg:mine", len, None),
        Plugin("gigpo", "pkg:gigpo", len, None),
        Plugin("broken", "pkg:broken", None, "ImportError: no"),
    ]
    monkeypatch.setattr("creditlib.rows.names.plugins", lambda: offered)
    named = estimator_names()
    assert named["mine"] is len
    assert named["gigpo"] is cl.gigpo
    assert "broken" not in named


def test_the_name_in_a_registry():
    assert estimator_of("creditlib_grpo").__name__ == "grpo"
    assert estimator_of("creditlib_nothing") is estimator_of("grpo") is None


def credits_turns(*, reward: words.Reward) -> words.TurnCredit: ...
def credits_rows(*, reward: words.Reward) -> words.Credit: ...
def advantages(*, reward: words.Reward) -> words.Advantage: ...
def returns(*, reward: words.Reward) -> words.TurnReturns: ...
def factor(*, reward: words.Reward) -> words.Factor: ...
def shaped(*, reward: words.Reward) -> words.ShapedReward: ...


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (credits_turns, True),
        (credits_rows, True),
        (advantages, True),
        (returns, False),
        (factor, False),
        (shaped, False),
    ],
)
def test_the_return_alias_alone_decides_who_gets_a_name(monkeypatch, function, named):
    """A new estimator needs no list: its kind stands on its return annotation."""
    name = function.__name__
    monkeypatch.setattr(names, "public_functions", lambda: {name: function})
    monkeypatch.setattr(names, "plugins", list)
    names._own_estimators.cache_clear()
    assert (name in estimator_names()) is named
    names._own_estimators.cache_clear()
