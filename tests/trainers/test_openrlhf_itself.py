"""The adapter inside OpenRLHF: its own experience maker, its own experiences and merging.

What needs a GPU to be installed is not there: empty modules stand in for it, labelled below.
"""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from trainer_modules import itself, stand_ins

itself("openrlhf")
itself("peft")  # while no stand-in is there yet: it asks which kernels are installed

STAND_INS = ("bitsandbytes", "deepspeed", "flash_attn", "vllm")


stand_ins(*STAND_INS)
OPENRLHF = (
    "openrlhf",
    "openrlhf.trainer.ppo_utils.experience_maker",
    "openrlhf.trainer.ppo_utils.experience",
    "openrlhf.trainer.ppo_trainer",
)
_, makers, experiences, ppo_trainer = itself(*OPENRLHF)

import creditlib as cl  # noqa: E402
from creditlib.integrations import openrlhf  # noqa: E402
from creditlib.integrations.patching import verify  # noqa: E402
from creditlib.testing import assert_close  # noqa: E402
from creditlib.vocabulary.messages import ContractError  # noqa: E402

Experience, Maker = experiences.Experience, makers.RemoteExperienceMaker


def arguments(samples=2, estimator="reinforce_baseline", clip=None, gamma=1.0, lambd=1.0):
    return SimpleNamespace(
        algo=SimpleNamespace(
            advantage=SimpleNamespace(
                estimator=estimator, gamma=gamma, lambd=lambd, no_std_norm=False
            )
        ),
        rollout=SimpleNamespace(n_samples_per_prompt=samples),
        reward=SimpleNamespace(
            clip_range=clip, overlong_buffer_len=None, stop_properly_penalty_coef=None
        ),
    )


def maker(settings=None, base=Maker, kl_coef=0.0, **options):
    strategy = SimpleNamespace(args=arguments(**options))
    made = openrlhf.credit_experience_maker(base, settings) if settings is not None else base
    return made(None, None, None, None, SimpleNamespace(value=kl_coef), strategy, None)


def batches(*parts, prompts=None):
    """Micro-batches merged by OpenRLHF, from lists of (place, action mask, reward, more)."""
    made = []
    for part in parts:
        singles = []
        for place, mask, reward, *rest in part:
            more = rest[0] if rest else {}
            width = len(mask)
            single = Experience(
                sequences=torch.ones(1, width, dtype=torch.int64),
                attention_mask=torch.ones(1, width, dtype=torch.int64),
                action_mask=torch.tensor([mask], dtype=torch.bool),
                rewards=torch.tensor([reward]),
                kl=torch.tensor([more.get("kl", [0.0] * width)]),
                index=[place],
                prompts=[prompts[place]] if prompts else [],
                info={
                    "reward": torch.tensor([reward]),
                    # as the samples generator turns an agent's extra_logs into tensors
                    **{key: torch.tensor([x]) for key, x in more.get("logs", {}).items()},
                },
            )
            if "values" in more:
                single.values = torch.tensor([more["values"]])
            singles.append(single)
        made.append(Experience.concat_experiences(singles, 0))
    return made


def listed(done, name="advantages"):
    return [getattr(each, name).tolist() for each in done]


FOUR = ((0, [1, 1], 1.0), (1, [1], 0.0)), ((3, [1, 0, 1], 0.25), (2, [1, 1, 1], 0.75))


def test_every_hook_is_as_it_was_recorded():
    for hook in openrlhf.TRAINER.hooks:
        verify(openrlhf.TRAINER, hook)


def test_group_norm_with_its_preset_is_openrlhfs_own():
    ours = maker({"preset": "OPENRLHF_GROUP_NORM"}, estimator="group_norm")
    ours = ours.compute_advantages_and_returns(batches(*FOUR))
    theirs = maker(estimator="group_norm").compute_advantages_and_returns(batches(*FOUR))
    for own, other in zip(ours, theirs, strict=True):
        mask = own.action_mask
        assert own.advantages.shape == other.advantages.shape
        assert own.advantages.dtype == other.advantages.dtype
        assert_close(own.advantages[mask], other.advantages[mask])
        assert own.kl is None
        assert torch.equal(own.info["group_reward_std"], other.info["group_reward_std"])


def test_micro_batches_keep_their_widths_and_groups_their_places():
    done = maker({"scale": None}).compute_advantages_and_returns(batches(*FOUR))
    assert listed(done) == [
        [[0.5, 0.5], [-0.5, 0.0]],
        [[-0.25, 0.0, -0.25], [0.25, 0.25, 0.25]],
    ]
    assert listed(done, "returns") == listed(done)
    assert done[1].info["return"].tolist() == [0.25, 0.75]
    assert done[0].info["creditlib/group/count"].tolist() == [2.0, 2.0]


def test_rewards_are_clipped_before_credit():
    # OpenRLHF applies reward.clip_range to rewards that are centred already.
    rows = ((0, [1], 9.0), (1, [1], 0.0))
    ours = maker({"scale": None}, clip=(-1.0, 1.0))
    assert listed(ours.compute_advantages_and_returns(batches(rows))) == [[[0.5], [-0.5]]]
    own = maker(estimator="dr_grpo", clip=(-1.0, 1.0))
    assert listed(own.compute_advantages_and_returns(batches(rows))) == [[[1.0], [-1.0]]]


def test_equal_rewards_give_exactly_nothing():
    # OpenRLHF's eps of 1e-9 turns rounding into advantages of up to 0.99.
    rows = [(place, [1], 0.7) for place in range(7)]
    ours = maker({"preset": "OPENRLHF_GROUP_NORM"}, samples=7)
    assert listed(ours.compute_advantages_and_returns(batches(rows))) == [[[0.0]] * 7]


def test_an_unscored_sample_is_as_if_deleted():
    rows = ((0, [1], 1.0), (1, [1], 0.0), (2, [1], float("nan")), (3, [0], 9.0))
    done = maker({"scale": None}, samples=4).compute_advantages_and_returns(batches(rows))
    assert listed(done) == [[[0.5], [-0.5], [0.0], [0.0]]]


def test_anchors_of_turns_come_from_extra_logs():
    hall, attic = cl.anchor_ids([["hall", "attic"]])[0].tolist()
    rows = (
        (0, [1, 0, 1], 1.0, {"logs": {"creditlib_anchor": [hall, attic]}}),
        (1, [1, 1], 0.0, {"logs": {"creditlib_anchor": [hall]}}),
    )
    settings = {"estimator": "gigpo", "gamma": 1.0, "scale": None}
    done = maker(settings).compute_advantages_and_returns(batches(rows))
    assert listed(done) == [[[1.0, 0.0, 0.5], [-1.0, -1.0, 0.0]]]
    assert "creditlib_anchor" not in done[0].info


def gae_of(gap, base=None):
    more = {"values": [0.5, *[9.0] * gap, 0.25]}
    rows = ((0, [1, *[0] * gap, 1], 1.0, more),)
    settings = {"estimator": "gae"} if base is None else None
    made = maker(settings, samples=1, estimator="gae", gamma=0.9, lambd=0.8)
    done = made.compute_advantages_and_returns(batches(rows))
    return done[0].advantages[0, [0, -1]]


def test_tool_output_changes_no_token_credit():
    # miles #1827, Search-R1 #175; OpenRLHF discounts through the gap (0.43 becomes -0.46 at 50).
    assert torch.equal(gae_of(0), gae_of(5))
    assert not torch.equal(gae_of(0, Maker), gae_of(5, Maker))
    # δ1 = 1 - 0.25; δ0 = 0.9·0.25 - 0.5 = -0.275; A0 = -0.275 + 0.72·0.75
    assert_close(gae_of(5), torch.tensor([0.265, 0.75]))


def test_the_kl_of_tool_output_is_no_penalty():
    # slime #1370, the same of any trainer.
    rows = ((0, [1, 0, 1], 2.0, {"kl": [1.0, 9.0, 1.0]}),)
    made = maker({"estimator": "discounted_return"}, samples=1, kl_coef=0.5)
    done = made.compute_advantages_and_returns(batches(rows))
    assert listed(done) == [[[1.0, 0.0, 1.5]]]
    assert done[0].info["return"].tolist() == [1.0]


def test_length_penalties_of_openrlhf_come_first():
    made = maker({"scale": None})
    made.args.reward.stop_properly_penalty_coef = 0.5
    parts = batches(((0, [1], 1.0), (1, [1], 1.0)))
    parts[0].truncated = torch.tensor([True, False])
    done = made.compute_advantages_and_returns(parts)
    assert listed(done) == [[[-0.25], [0.25]]]


def test_groups_that_are_not_whole_or_not_of_one_prompt_are_refused():
    made = maker({"scale": None})
    with pytest.raises(ContractError, match="whole groups of 2"):
        made.compute_advantages_and_returns(batches(((0, [1], 1.0),)))
    mixed = batches(((0, [1], 1.0), (1, [1], 0.0)), prompts=["a", "b"])
    with pytest.raises(ContractError, match="one prompt in each group"):
        made.compute_advantages_and_returns(mixed)


def test_install_puts_it_where_openrlhf_looks(monkeypatch):
    monkeypatch.setenv(openrlhf.ENVIRONMENT, '{"estimator": "rloo"}')
    undo = openrlhf.install()
    assert issubclass(ppo_trainer.RemoteExperienceMaker, Maker)
    assert ppo_trainer.RemoteExperienceMaker is not Maker
    made = ppo_trainer.RemoteExperienceMaker(
        None, None, None, None, SimpleNamespace(value=0.0), SimpleNamespace(args=arguments()), None
    )
    done = made.compute_advantages_and_returns(batches(*FOUR))
    assert listed(done)[0] == [[1.0, 1.0], [-1.0, 0.0]]
    undo()
    assert ppo_trainer.RemoteExperienceMaker is Maker


def test_its_experiences_split_and_merge_for_training():
    done = maker({"scale": None}).compute_advantages_and_returns(batches(*FOUR))
    items = [item for each in done for item in experiences.split_experience_batch(each)]
    whole = experiences.make_experience_batch(items)
    assert whole.advantages.tolist()[2] == [-0.25, 0.0, -0.25]


ACTOR = """
import ray

ray.init(num_cpus=1, include_dashboard=False, runtime_env={
    "worker_process_setup_hook": "creditlib.integrations.openrlhf.install",
    "env_vars": {"CREDITLIB": '{"estimator": "rloo"}'},
})

@ray.remote
class Trainer:
    def maker(self):
        from openrlhf.trainer import ppo_trainer
        return ppo_trainer.RemoteExperienceMaker.__name__

print(ray.get(Trainer.remote().maker.remote(), timeout=120))
"""


def test_the_setup_hook_reaches_a_ray_actor(tmp_path):
    path = tmp_path / "sitecustomize.py"
    here = str(Path(__file__).parent)
    path.write_text(
        f"import sys\nsys.path.insert(0, {here!r})\n"
        f"from trainer_modules import stand_ins\nstand_ins(*{STAND_INS})\n"
    )
    package = Path(cl.__file__).parents[1]
    before = os.environ.get("PYTHONPATH", "")
    path = os.pathsep.join(each for each in (str(package), str(tmp_path), before) if each)
    environment = {**os.environ, "PYTHONPATH": path}
    run = subprocess.run(
        [sys.executable, "-c", ACTOR],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.stdout.splitlines()[-1:] == ["CreditRemoteExperienceMaker"], run.stderr
