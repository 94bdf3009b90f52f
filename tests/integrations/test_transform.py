"""TorchRL: a transform made of theirs, called when a buffer is written."""

import pytest
import torch
from stand_in import placed

from creditlib.integrations.patching import HookError
from creditlib.integrations.torchrl import transform as ours


class Data(dict):
    """Nested keys are tuples here; a TensorDict's `get` and `set` take the same."""

    def set(self, key, value):
        self[key] = value


def tokens():
    # A tool gap in row 0, a reward on a masked token in row 1, row 2 masked whole, row 3 alone.
    reward = torch.tensor([[0.0, 0.0, 3.0], [0.0, 0.0, 1.0], [9.0, 0.0, 0.0], [0.7, 0.0, 0.0]])
    return Data(
        {
            "group": torch.tensor([7, 7, 8, 8]),
            "mask": torch.tensor([[1, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]]).bool(),
            ("next", "reward"): reward[..., None],
        }
    )


def stand_in(monkeypatch):
    class Transform:
        def __init__(self, in_keys=None, out_keys=None, in_keys_inv=None, out_keys_inv=None): ...

        def _inv_call(self, tensordict): ...

    module = placed(monkeypatch, {"torchrl.envs.transforms": {"Transform": Transform}})[0]
    ours._made.cache_clear()
    return module


def test_the_transform_is_made_of_theirs(monkeypatch):
    stand_in(monkeypatch)
    transform = ours.CreditTransform({"estimator": "grpo"}, scale=None, keys={"mask": "mask"})
    data = transform._inv_call(tokens())
    assert data["advantage"][0, :, 0].tolist() == [1.0, 0.0, 1.0]
    assert transform.metrics["creditlib/rows/excluded"] == 0.25
    ours._made.cache_clear()


def test_settings_are_keywords_or_a_mapping(monkeypatch, refusal):
    stand_in(monkeypatch)
    assert ours.CreditTransform("gae", gamma=0.5, lam=1.0).settings.options == {
        "gamma": 0.5,
        "lam": 1.0,
    }
    assert ours.CreditTransform().settings.name == "grpo"
    assert "did you mean 'scale'" in refusal(ours.CreditTransform, "grpo", scales=None)
    assert type(ours.CreditTransform()) is ours.CreditTransform
    with pytest.raises(AttributeError, match="has no attribute 'Transform'"):
        _ = ours.Transform
    ours._made.cache_clear()


def test_a_method_that_has_moved_is_refused(monkeypatch):
    stand_in(monkeypatch).Transform._inv_call = lambda self: None
    with pytest.raises(HookError, match=r"TorchRL.*: .* as in 0\.14\.1, got \(self\)"):
        _ = ours.CreditTransform
    ours._made.cache_clear()
