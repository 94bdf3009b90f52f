"""Credit through TorchRL's own replay buffer, against its own GAE and MCAdvantage, to its loss."""

import pickle

import pytest
import torch

pytest.importorskip("torchrl")

from tensordict import NonTensorStack, TensorDict
from tensordict.nn import ProbabilisticTensorDictModule, ProbabilisticTensorDictSequential
from tensordict.nn import TensorDictModule as Module
from torchrl.data import LazyTensorStorage, ListStorage, ReplayBuffer
from torchrl.data.replay_buffers.samplers import SamplerWithoutReplacement
from torchrl.envs.transforms import Transform
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.llm import MCAdvantage
from torchrl.objectives.value import GAE

from creditlib.integrations.patching import HookError
from creditlib.integrations.torchrl import transform as ours
from creditlib.testing import assert_close
from creditlib.testing.tolerances import agree


def of_tokens(reward, mask, group):
    """Trajectories of tokens as a language model's collector pads them."""
    rows, time = mask.shape
    steps = TensorDict({"reward": reward[..., None]}, [rows, time])
    return TensorDict({"mask": mask, "group": group, "next": steps}, [rows, time])


def written(data, *transforms, storage=LazyTensorStorage):
    buffer = ReplayBuffer(
        storage=storage(len(data)),
        sampler=SamplerWithoutReplacement(shuffle=False),
        batch_size=len(data),
    )
    for transform in transforms:
        buffer.append_transform(transform)
    buffer.extend(data)
    return buffer.sample()


def test_groups_of_tokens_enter_the_buffer_with_credit():
    # Two groups, interleaved, a tool gap in row 0, a reward on a masked token in row 2, row 4
    # without a written token (rejected), row 5 the only one of its group.
    mask = torch.tensor(
        [[1, 1, 0, 1], [1, 0, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0], [1, 1, 0, 0]]
    ).bool()
    reward = torch.zeros(6, 4)
    reward[0, 3], reward[2, 3], reward[4, 0], reward[5, 1] = 1.0, 3.0, 100.0, 0.7
    group = torch.tensor([7, 8, 7, 8, 7, 9])[:, None].expand(6, 4)
    data = of_tokens(reward, mask, group)
    transform = ours.CreditTransform("grpo", scale=None)
    before = data.clone()
    sample = written(data, transform)
    # Group 7: 1 and 3 about 2. Group 8: 0 and 0. Row 4 takes no part, row 5 is alone in its group.
    credit = torch.tensor([-1.0, 0.0, 1.0, 0.0, 0.0, 0.0])[:, None]
    assert torch.equal(sample["advantage"][..., 0], torch.where(mask, credit, 0.0))
    assert sample["advantage"].shape == sample["next", "reward"].shape
    assert torch.equal(sample["value_target"], sample["advantage"])
    assert "advantage" not in data.keys()  # noqa: SIM118  (a TensorDict has no __contains__)
    assert (data == before).all()
    assert transform.metrics["creditlib/rows/excluded"] == pytest.approx(1 / 6)


def test_prompts_that_are_texts_are_groups():
    mask = torch.tensor([[1, 1], [1, 0], [1, 1]]).bool()
    reward = torch.tensor([[0.0, 1.0], [0.0, 0.0], [0.0, 1.0]])
    data = of_tokens(reward, mask, torch.zeros(3, 2))
    data["query"] = NonTensorStack(*(NonTensorStack(q, q) for q in ("two", "two", "three")))
    transform = ours.CreditTransform("rloo", keys={"group": "query"})
    sample = written(data, transform, storage=ListStorage)
    assert torch.stack([each["advantage"] for each in sample])[:, 0, 0].tolist() == [1.0, -1.0, 0.0]


def test_equal_trajectories_get_what_their_own_transform_gives_them():
    rewards = torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0, 0.0])
    reward = torch.zeros(6, 3)
    reward[:, -1] = rewards
    group = torch.tensor([4, 4, 4, 5, 5, 5])[:, None].expand(6, 3)
    data = of_tokens(reward, torch.ones(6, 3).bool(), group)
    done = torch.zeros(6, 3, 1).bool()
    done[:, -1] = True
    data["next", "done"] = done
    theirs = MCAdvantage(grpo_size=3, prompt_key="group", trajectory_return="sum")
    parts = [theirs.inv(each) for each in data.unbind(0)]
    expected = torch.cat([part["advantage"] for part in parts if part is not None]).flatten()
    preset = {"preset": "TORCHRL_GRPO"}
    mine = written(data, ours.CreditTransform({"estimator": "grpo", **preset}))["advantage"]
    assert_close(mine.flatten(), expected, "golden")


def classic(rows=5, time=17, seed=0):
    """Several episodes in a row: terminated, cut by a time limit, cut by the collector."""
    torch.manual_seed(seed)
    done = torch.rand(rows, time, 1) < 0.25
    terminated = done & (torch.rand(rows, time, 1) < 0.5)
    steps = {
        "reward": torch.randn(rows, time, 1),
        "done": done,
        "terminated": terminated,
        "truncated": done & ~terminated,
        # Not the value of the next row: after a reset that is another episode's.
        "state_value": torch.randn(rows, time, 1),
    }
    data = {"state_value": torch.randn(rows, time, 1), "next": TensorDict(steps, [rows, time])}
    return TensorDict(data, [rows, time])


@pytest.mark.parametrize("seed", range(3))
def test_gae_is_theirs_where_next_values_follow(seed):
    """TorchRL #2773, #4209: a cut episode bootstraps from its own next value, not its neighbour's.

    Their recursion reads a next value at every step, ours where an episode is cut: inside an
    episode the two are one number in any data a critic wrote.
    """
    data = classic(seed=seed)
    inside = ~data["next", "done"][:, :-1]
    next_value = data["next", "state_value"].clone()
    next_value[:, :-1] = torch.where(inside, data["state_value"][:, 1:], next_value[:, :-1])
    data["next", "state_value"] = next_value
    exact = data.apply(lambda x: x.double() if x.is_floating_point() else x)
    theirs = GAE(gamma=0.9, lmbda=0.8, value_network=None, vectorized=False)(exact)
    mine = ours.CreditTransform("gae", gamma=0.9, lam=0.8).inv(data)
    for key in ("advantage", "value_target"):
        assert agree(mine[key], theirs[key], "law, float32")


def test_a_time_step_as_a_turn_gets_turn_credit():
    # One group of two episodes with states: both begin in 3, then 4 and 5.
    data = TensorDict(
        {
            "group": torch.zeros(2, 3, 1, dtype=torch.int64),
            "anchor": torch.tensor([[[3], [4], [3]], [[3], [5], [4]]]),
            "collector": {"mask": torch.tensor([[1, 1, 1], [1, 1, 0]]).bool()},
            "next": {"reward": torch.tensor([[[0.0], [0.0], [1.0]], [[0.0], [0.0], [0.0]]])},
        },
        [2, 3],
    )
    keys = {"mask": ("collector", "mask")}
    transform = ours.CreditTransform(
        "gigpo", keys=keys, time="turn", columns=("anchor",), gamma=1.0, scale=None
    )
    # Episodes: ±0.5. Anchor 3 three times: to come 1, 1, 0, mean 2/3. 4 and 5: once each.
    third = 1 / 3
    expected = [[0.5 + third, 0.5, 0.5 + third], [-0.5 - 2 * third, -0.5, 0.0]]
    assert_close(written(data, transform)["advantage"][..., 0], torch.tensor(expected))


def test_what_the_buffer_gives_back_reaches_the_loss():
    torch.manual_seed(0)
    rows, time = 4, 3
    data = of_tokens(
        torch.randn(rows, time), torch.ones(rows, time).bool(), torch.zeros(rows, time)
    )
    data["observation"] = torch.randn(rows, time, 2)
    actor = ProbabilisticTensorDictSequential(
        Module(torch.nn.Linear(2, 3), in_keys=["observation"], out_keys=["logits"]),
        ProbabilisticTensorDictModule(
            in_keys=["logits"],
            out_keys=["action"],
            distribution_class=torch.distributions.Categorical,
            return_log_prob=True,
        ),
    )
    with torch.no_grad():
        actor(data)
    sample = written(data, ours.CreditTransform("rloo"))
    loss = ClipPPOLoss(actor, critic_network=None, entropy_bonus=False)
    found = loss(sample.reshape(-1))["loss_objective"]
    assert_close(found, -sample["advantage"].mean(), "golden")
    found.backward()
    assert all(each.grad.abs().sum() > 0 for each in actor.parameters())


def test_a_copy_in_another_process_is_the_same_class():
    again = pickle.loads(pickle.dumps(ours.CreditTransform("grpo")))
    assert type(again) is ours.CreditTransform


def test_a_transform_whose_hook_has_moved_is_refused(monkeypatch):
    monkeypatch.setattr(Transform, "_inv_call", lambda self, data, more: data)
    ours._made.cache_clear()
    with pytest.raises(HookError, match=r"TorchRL 0\.14\.1: .* as in 0\.14\.1, got \(self, data"):
        _ = ours.CreditTransform
    ours._made.cache_clear()
