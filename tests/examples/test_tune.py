import pytest

from creditlib.testing import assert_close
from examples.textworld import tune
from examples.textworld.train import SETTINGS, Settings, share_won, train
from examples.textworld.world import World


def test_the_share_counts_every_update_once(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tune, "TUNING_SEEDS", range(1000, 1002))
    settings = Settings(learning_rate=0.03, entropy=0.01, updates=2, turns=10)
    steps = list(train(world, "grpo", range(1000, 1002), settings))
    expected = (share_won(steps[0], 2) + share_won(steps[1], 2)) / 2
    assert_close(tune.won(world, "grpo", settings), expected)


def test_settings_lie_inside_the_grid():
    for settings in SETTINGS.values():
        assert min(tune.LEARNING_RATES) < settings.learning_rate < max(tune.LEARNING_RATES)
        assert min(tune.ENTROPIES) < settings.entropy < max(tune.ENTROPIES)


def test_tuning_seeds_are_not_those_of_the_demo():
    assert min(tune.TUNING_SEEDS) >= 1000
