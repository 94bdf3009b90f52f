"""The adapter inside AReaL: its own PPO actor, through its own batching and splitting."""

from pathlib import Path

import pytest
import torch
from trainer_modules import itself

package, actors, cli_args, stats = itself(
    "areal",
    "areal.trainer.ppo.actor",
    "areal.api.cli_args",
    "areal.utils.stats_tracker",
)

import creditlib as cl  # noqa: E402
from creditlib.integrations import areal  # noqa: E402
from creditlib.integrations.patching import verify  # noqa: E402
from creditlib.testing import assert_close  # noqa: E402
from creditlib.vocabulary.messages import ContractError  # noqa: E402

PPOActor, NormConfig = actors.PPOActor, cli_args.NormConfig


def config(group_size=2, adv_norm=None, **changes):
    norm = NormConfig(mean_level="group", std_level="group", group_size=group_size)
    known = {"reward_norm": norm, "adv_norm": adv_norm, "kl_ctl": 0.0, "reward_clip": 20.0}
    return cli_args.PPOActorConfig(
        experiment_name="x", trial_name="x", **{**known, "discount": 1.0, **changes}
    )


def actor(settings=None, **changes):
    base = PPOActor if settings is None else areal.credit_actor(PPOActor, settings)
    return base(config(**changes), None)


def row(mask, reward, prompt=1, width=None, **more):
    """One trajectory as a workflow returns it: the prompt, then tokens of policy and tools."""
    size = prompt + len(mask)
    width = width or size

    def padded(values):
        return torch.tensor([[*values, *[0] * (width - len(values))]])

    return {
        "input_ids": padded([1] * size),
        "attention_mask": padded([1] * size).bool(),
        "loss_mask": padded([0] * prompt + list(mask)),
        "logprobs": padded([0.0] * size).float(),
        "rewards": torch.tensor([reward]),
        **more,
    }


def credits(made, *rows):
    """Advantages on the tokens of each response: AReaL holds them one place further left."""
    done = made.compute_advantages(list(rows))
    return done, [
        each["advantages"][0, : each["attention_mask"].sum() - 1].tolist() for each in done
    ]


def test_every_hook_is_as_it_was_recorded():
    for hook in areal.TRAINER.hooks:
        verify(areal.TRAINER, hook)


def test_groups_ragged_rows_and_tool_output():
    made = actor({"scale": None})
    rows = row([1, 0, 1], 1.0), row([1], 0.0), row([1, 1], 0.25, prompt=2), row([1], 0.75)
    done, found = credits(made, *rows)
    assert found == [[0.5, 0.0, 0.5], [-0.5], [0.0, -0.25, -0.25], [0.25]]
    assert done[0]["advantages"].dtype == torch.float32
    assert all(torch.equal(each["returns"], each["advantages"]) for each in done)
    # the bookkeeping of AReaL itself is all there
    assert {"kl_rewards", "tot_rewards", "prox_logp"} <= set(done[0])


def test_without_deviation_it_is_areals_own():
    rows = [row([1, 1], 1.0), row([1], 0.0), row([1], 0.25), row([1, 0, 1], 0.75)]
    norm = NormConfig(mean_level="group", std_level=None, group_size=2)
    _, own = credits(actor(reward_norm=norm), *[dict(each) for each in rows])
    _, ours = credits(actor({"scale": None}), *[dict(each) for each in rows])
    for a, b, each in zip(ours, own, rows, strict=True):
        written = each["loss_mask"][0, 1:] != 0
        assert_close(torch.tensor(a)[written[: len(a)]], torch.tensor(b)[written[: len(a)]])


def test_leftover_rows_are_refused():
    # AReaL #1419: 9 rows in groups of 4, and the last got 100000.0.
    rows = [row([1], float(k % 2)) for k in range(9)]
    with pytest.raises(ContractError, match="a divisor of the 9 rows"):
        actor({}, group_size=4).compute_advantages(rows)


def test_a_row_keeps_its_credit_beside_a_wider_one():
    # AReaL takes a row that fills the width of the batch for a truncated one.
    def first(other):
        settings = {"estimator": "gae"}
        rows = row([1, 0, 1], 1.0), row([1] * other, 0.0)
        rows = [{**each, "values": torch.full(each["input_ids"].shape, 0.5)} for each in rows]
        return credits(actor(settings, discount=0.9, gae_lambda=0.8), *rows)[1][0]

    assert first(1) == first(7)
    assert_close(torch.tensor(first(1)), torch.tensor([0.31, 0.0, 0.5]))
    with pytest.raises(ContractError, match="mask_no_eos_with_zero"):
        credits(actor({}, mask_no_eos_with_zero=True), row([1], 1.0), row([1], 0.0))


def test_the_turns_of_a_row_are_the_runs_of_its_mask():
    # AReaL #1666: its turn discount counts in the order of creation.
    hall, attic = cl.anchor_ids([["hall", "attic"]])[0].tolist()
    rows = (
        row([1, 0, 1], 1.0, creditlib_anchor=torch.tensor([[hall, attic]])),
        row([1, 1], 0.0, creditlib_anchor=torch.tensor([[hall]])),
    )
    made = actor({"estimator": "gigpo", "gamma": 1.0, "scale": None})
    done, found = credits(made, *rows)
    assert found == [[1.0, 0.0, 0.5], [-1.0, -1.0]]
    assert "creditlib_anchor" not in done[0]


def test_unscored_and_rejected_rows_are_as_if_deleted():
    rows = row([1], 1.0), row([1], 0.0), row([1], float("nan")), row([0], 9.0)
    _, found = credits(actor({"scale": None}, group_size=4), *rows)
    assert found == [[0.5], [-0.5], [0.0], [0.0]]


def test_scaling_and_clip_come_before_credit():
    made = actor({"scale": None}, reward_scaling=10.0, reward_bias=-0.5, reward_clip=2.0)
    assert credits(made, row([1], 1.0), row([1], 0.5))[1] == [[1.0], [-1.0]]


def test_areals_own_advantage_norm_still_applies():
    norm = NormConfig(mean_level="batch", std_level="batch")
    made = actor({"scale": None}, adv_norm=norm)
    _, found = credits(made, row([1, 0, 1], 1.0), row([1, 1], 0.0))
    expected = made.adv_norm(torch.tensor([[0.5, 0.5, -0.5, -0.5]]), torch.ones(1, 4))[0]
    assert_close(torch.tensor(found[0])[[0, 2]], expected[:2])
    assert found[0][1] == 0.0


def test_the_kl_penalty_counts_on_written_tokens():
    rows = row([1, 0, 1], 1.0), row([1], 0.0)
    rows = [{**each, "ref_logp": torch.full(each["input_ids"].shape, -1.0)} for each in rows]
    made = actor({"estimator": "discounted_return"}, kl_ctl=0.5)
    # each written token pays 0.5 · (0 - -1)
    assert credits(made, *rows)[1] == [[0.0, 0.0, 0.5], [-0.5]]


def test_numbers_reach_areals_tracker():
    stats.DEFAULT_TRACKER.export()  # forgets those of other tests
    credits(actor({}), row([1], 1.0), row([1], 0.0))
    assert stats.DEFAULT_TRACKER.export()["creditlib/group/count"] == 1.0


def test_install_is_seen_by_engines():
    undo = areal.install({"scale": None})
    assert issubclass(actors.PPOActor, PPOActor)
    assert actors.PPOActor is not PPOActor
    undo()
    assert actors.PPOActor is PPOActor
    # Engines look the class up when they are built; only their source can be read here.
    engine = Path(package.__file__).parent / "engine" / "fsdp_engine.py"
    assert "        from areal.trainer.ppo.actor import PPOActor\n" in engine.read_text()
