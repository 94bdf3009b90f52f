"""Data of [trajectory time] under nested keys, a stand-in for a TensorDict."""

import pytest
import torch

from creditlib.integrations.torchrl.tensordict import Keys, credit_tensordict
from creditlib.rows.settings import credit_settings


class Data(dict):
    """Nested keys are tuples here; a TensorDict's `get` and `set` take the same."""

    def set(self, key, value):
        self[key] = value


def tokens():
    # Group 7: a tool gap in row 0, a reward on a masked token in row 1. Group 8: row 2 is masked
    # whole (rejected), row 3 is then alone.
    reward = torch.tensor([[0.0, 0.0, 3.0], [0.0, 0.0, 1.0], [9.0, 0.0, 0.0], [0.7, 0.0, 0.0]])
    return Data(
        {
            "group": torch.tensor([[7], [7], [8], [8]]).expand(4, 3)[..., None],
            "mask": torch.tensor([[1, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]]).bool(),
            ("next", "reward"): reward[..., None],
        }
    )


def credit(data, keys=None, time="token", columns=(), **settings):
    keys = Keys(**(keys or {}))
    metrics = credit_tensordict(
        data, settings=credit_settings(settings), keys=keys, time=time, columns=columns
    )
    assert data["advantage"].shape == data["next", "reward"].shape
    return data["advantage"].squeeze(-1).tolist(), metrics


def test_tokens_of_groups_by_hand():
    found, metrics = credit(tokens(), estimator="grpo", scale=None)
    assert found == [[1.0, 0.0, 1.0], [-1.0, -1.0, 0.0], [0.0] * 3, [0.0] * 3]
    assert metrics["creditlib/rows/excluded"] == 0.25


def test_inputs_stay_and_the_target_is_there():
    data = tokens()
    before = {key: x.clone() for key, x in data.items()}
    credit(data, estimator="grpo", scale=None)
    assert all(torch.equal(data[key], x) for key, x in before.items())
    assert torch.equal(data["value_target"], data["advantage"])


def test_keys_are_what_the_data_says():
    data = tokens()
    data["prompt"] = [["x"] * 3, ["x"] * 3, ["y"] * 3, ["y"] * 3]
    data["own_mask"] = data.pop("mask")
    keys = {"group": "prompt", "mask": "own_mask", "advantage": ("credit", "advantage")}
    credit_tensordict(data, settings=credit_settings({"estimator": "rloo"}), keys=Keys(**keys))
    assert data["credit", "advantage"][..., 0].tolist()[:2] == [[2.0, 0.0, 2.0], [-2.0, -2.0, 0.0]]


def test_ids_of_rows_and_other_ids_have_the_same_groups():
    """Identity is the id: not the place (TRL #3725), not the text of equal prompts."""
    data = tokens()
    data["group"] = torch.tensor([5, 6, 5, 6])
    found, _ = credit(data, estimator="grpo", scale=None)
    # Row 2 has no part, so 0 is alone; 6: 1 and 0.7.
    assert found[0] == [0.0] * 3
    assert [found[1][0], found[3][0]] == pytest.approx([0.15, -0.15])


def test_rewards_of_tokens_are_rewards_of_their_turns():
    data = tokens()
    data["next", "reward"][0, 0] = 2.0
    found, _ = credit(data, estimator="grpo_process", scale=None)
    # Turns of group 7: 2, 3 and 1, mean 2. To come: row 0 0 + 1, 1; row 1 -1.
    assert found[:2] == [[1.0, 0.0, 1.0], [-1.0, -1.0, 0.0]]


def test_anchors_are_read_at_the_first_token_of_a_turn():
    data = tokens()
    data["anchor"] = torch.tensor([[4, 0, 5], [4, 9, 9], [4, 4, 4], [4, 4, 4]])
    found, _ = credit(data, columns=("anchor",), estimator="gigpo", gamma=1.0, scale=None)
    # Episodes: 3 and 1, ±1. At 4: 3 and 1 to come, ±1 again; 5 is seen once.
    assert found[:2] == [[2.0, 0.0, 1.0], [-2.0, -2.0, 0.0]]


def test_padding_after_done_belongs_to_the_row_it_pads():
    """verl #6310: a reward put behind the last written token counts all the same."""
    data = tokens()
    data["next", "done"] = torch.tensor([[0, 0, 1], [0, 1, 0], [0, 0, 0], [0, 0, 1]]).bool()
    found, metrics = credit(data, estimator="grpo", scale=None)
    assert found[:2] == [[1.0, 0.0, 1.0], [-1.0, -1.0, 0.0]]
    assert metrics["creditlib/rows/excluded"] == 0.25


def episodes():
    """One row, three episodes of two steps: terminated, cut by a time limit, cut by the buffer."""
    flags = torch.tensor([[0, 1, 0, 1, 0, 0]]).bool()
    return Data(
        {
            "state_value": torch.tensor([[[0.5], [1.0], [2.0], [1.0], [0.0], [2.0]]]),
            ("next", "reward"): torch.tensor([[[0.0], [4.0], [0.0], [0.0], [0.0], [1.0]]]),
            ("next", "done"): flags[..., None],
            ("next", "terminated"): (flags & torch.tensor([[1, 1, 0, 0, 0, 0]]).bool())[..., None],
            # What follows a cut is its own, not the next episode's.
            ("next", "state_value"): torch.tensor([[[1.0], [99.0], [1.0], [6.0], [2.0], [8.0]]]),
        }
    )


def test_episodes_of_a_row_are_apart_and_only_cut_ones_bootstrap():
    """TorchRL #2773, #4209, Mava #951, skrl #449: done is no termination, a neighbour no future."""
    found, _ = credit(episodes(), estimator="gae", gamma=0.5, lam=1.0)
    # Returns: 4/2, 4 | (6/2)/2, 6/2 | (1 + 8/2)/2, 1 + 8/2; less the values.
    assert found == [[1.5, 3.0, -0.5, 2.0, 2.5, 3.0]]


def test_a_cut_episode_without_a_next_value_is_refused(refusal):
    data = episodes()
    del data["next", "state_value"]
    said = refusal(credit, data, estimator="gae", gamma=0.5, lam=1.0)
    assert said == (
        "gae: `next_value` must be the critic's value after a cut, got nothing, and row 0 is cut."
    )
    whole, _ = credit(data, {"terminated": None, "done": None}, estimator="gae", gamma=0.0, lam=1)
    assert whole[0] == [-0.5, 3.0, -2.0, -1.0, 0.0, -1.0]


def test_a_step_as_a_turn():
    data = Data(
        {
            "group": torch.zeros(2, 3),
            "mask": torch.tensor([[1, 1, 1], [1, 1, 0]]),
            # The last place of row 1 is padding; its reward and its state are not counted.
            ("next", "reward"): torch.tensor([[0.0, 1.0, 3.0], [2.0, 0.0, torch.nan]]),
        }
    )
    found, _ = credit(data, time="turn", estimator="grpo_process", scale=None)
    # 0, 1, 3, 2, 0 about 6/5: -1.2, -0.2, 1.8 | 0.8, -1.2. To come:
    assert found[0] == pytest.approx([0.4, 1.6, 1.8])
    assert found[1] == pytest.approx([-0.4, -1.2, 0.0])


def test_refusals(refusal):
    data = tokens()
    assert "'token' or 'turn'" in refusal(credit, data, time="step", estimator="grpo")
    del data["group"]
    assert refusal(credit, data, estimator="grpo") == (
        "CreditTransform: `group` must be ids of the prompts, got nothing."
    )
    data["next", "reward"] = torch.zeros(4)
    assert "[trajectory time]" in refusal(credit, data, estimator="grpo")
    del data["next", "reward"]
    assert "next.reward" in refusal(credit, data, estimator="grpo")
