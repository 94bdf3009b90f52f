from types import SimpleNamespace

import pytest

import creditlib as cl
from creditlib.rows.settings import credit_settings, merge_settings, setting, settings_for
from creditlib.vocabulary import words
from creditlib.vocabulary.messages import ContractError


def mine(*, reward, group, sharpness=1.0):
    return reward * sharpness


def loose(*, reward, **more):
    return reward


def test_settings_win_over_a_preset_and_it_over_the_trainer():
    found = credit_settings(
        {"preset": "TRL_GRPO", "ddof": 0}, estimator="grpo", defaults={"eps": 1, "ddof": 1}
    )
    assert found.options == {"eps": 1e-4, "ddof": 0}
    assert found.estimator is cl.grpo


def test_what_a_trainer_says_counts_where_the_estimator_has_it():
    defaults = {"gamma": 0.5, "lam": 0.9}
    assert credit_settings(estimator="gigpo", defaults=defaults).options == {"gamma": 0.5}
    assert credit_settings(estimator="gae", defaults=defaults).options == defaults
    assert credit_settings(estimator="rloo", defaults=defaults).options == {}


def test_a_function_a_path_and_the_settings_own_estimator():
    assert credit_settings(estimator=mine).options == {}
    assert credit_settings({"estimator": "rloo"}, estimator="grpo").estimator is cl.rloo
    assert credit_settings({"sharpness": 2.0}, estimator=mine).options == {"sharpness": 2.0}
    assert credit_settings({"any": 1}, estimator=loose).options == {"any": 1}


def test_a_weight_and_whitening():
    found = credit_settings({"weight": "duration_weight", "whiten": True}, estimator="gigpo")
    assert found.weight is cl.duration_weight
    assert found.whiten
    assert {"anchor", "duration"} <= found.needs
    assert not credit_settings(estimator="gigpo").whiten


def test_how_several_rewards_become_an_outcome():
    assert credit_settings(estimator="grpo").outcome is None
    assert credit_settings({"outcome": "sum"}, estimator="grpo").outcome == "sum"
    assert settings_for("creditlib_grpo", {"outcome": "same"}).outcome == "same"


def test_what_is_required_and_not_given():
    assert credit_settings(estimator="grpo").required == {"reward", "group"}
    assert credit_settings(estimator="gae").required == {
        "token_reward",
        "value",
        "turn",
        "gamma",
        "lam",
    }
    assert "gamma" not in credit_settings({"gamma": 1.0}, estimator="gae").required


def test_estimators_of_tokens_are_known_by_their_signature():
    assert credit_settings(estimator="gae").credits_tokens
    assert not credit_settings(estimator="gigpo").credits_tokens


@pytest.mark.parametrize(
    ("settings", "estimator", "sentence"),
    [
        (
            {"gama": 0.9},
            "gigpo",
            "gigpo: `gama` must be one of its options, got 0.9 (did you mean 'gamma'?).",
        ),
        ({"reward": 1}, "grpo", "grpo: `reward` must be one of its options, got 1."),
        (
            {"preset": "trl_grpo"},
            "grpo",
            "credit_settings: `preset` must be a name in creditlib.presets, got 'trl_grpo' "
            "(did you mean 'TRL_GRPO'?).",
        ),
        (
            {},
            None,
            "credit_settings: `estimator` must be a name, an import path or a function, "
            "got nothing.",
        ),
        ("grpo", "grpo", "credit_settings: `settings` must be options by name, got str."),
    ],
)
def test_what_is_not_there_is_refused(settings, estimator, sentence):
    with pytest.raises(ContractError) as caught:
        credit_settings(settings, estimator=estimator)
    assert str(caught.value) == sentence


def test_a_preset_of_another_estimator_is_refused(refusal):
    assert refusal(credit_settings, {"preset": "TRL_GRPO"}, estimator="rloo") == (
        "rloo: `preset` must be a preset of its own options, got 'TRL_GRPO', which sets `eps`."
    )


def test_a_section_wins_over_a_name_and_over_the_trainer():
    settings = settings_for("creditlib_grpo", {"scale": None}, {"scale": "std", "lam": 1.0})
    assert (settings.name, settings.options) == ("grpo", {"scale": None})
    assert settings_for("creditlib_grpo", {"estimator": "rloo"}).name == "rloo"


def test_a_name_without_an_estimator_is_refused(refusal):
    assert refusal(settings_for, "creditlib", {}) == (
        "creditlib: `estimator` must be a name or an import path, or creditlib_NAME as the "
        "trainer's estimator, got nothing."
    )


def test_a_name_that_no_estimator_has_is_refused(refusal):
    assert refusal(settings_for, "creditlib_gigppo", {"estimator": "rloo"}) == (
        "creditlib: `estimator` must be one of creditlib_NAME, got 'creditlib_gigppo' "
        "(did you mean 'creditlib_gigpo'?)."
    )
    assert refusal(settings_for, "creditlib", "rloo") == (
        "creditlib: `settings` must be options by name, got str."
    )
    assert refusal(settings_for, "creditlib_nope", None) == (
        "creditlib: `estimator` must be one of creditlib_NAME, got 'creditlib_nope'."
    )


def test_settings_of_objects_and_mappings():
    assert setting(SimpleNamespace(gamma=0.5), "gamma") == 0.5
    assert setting(SimpleNamespace(gamma=None), "gamma", 1.0) == 1.0
    assert setting({"scale": None}, "scale", 1.0) is None
    assert setting(None, "anything") is None


def test_a_section_overrides_settings(refusal):
    assert merge_settings({"gamma": 1.0, "k": 2}, {"gamma": 0.9}) == {"gamma": 0.9, "k": 2}
    assert merge_settings(None, None) == {}
    assert refusal(merge_settings, None, "rloo") == (
        "creditlib: `settings` must be options by name, got str."
    )


def ignores_turns(*, turn: words.Turn) -> words.TokenReturns: ...
def sees_turns(*, turn: words.Turn) -> words.Advantage: ...
def over_the_batch(*, turn: words.Turn) -> words.WhitenedAdvantageAndReturns: ...


def test_the_return_alias_alone_decides_how_tokens_are_credited():
    assert not credit_settings(estimator=ignores_turns).uses_turns
    assert credit_settings(estimator=sees_turns).uses_turns
    assert credit_settings(estimator=over_the_batch).normalizes_over_tokens
    assert not credit_settings(estimator=ignores_turns).normalizes_over_tokens
    assert credit_settings({"whiten": True}, estimator=ignores_turns).normalizes_over_tokens
