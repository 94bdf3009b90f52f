"""Credit through TRL's own trainer: real models, generation, losses, logs, tools and ranks."""

import functools
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import ClassVar

import pytest
import torch

pytest.importorskip("trl")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pandas
    import trl_tiny as tiny
    from trl import GRPOTrainer, RLOOTrainer
    from trl.experimental.gmpo import GMPOTrainer

import creditlib as cl
from creditlib import presets
from creditlib.integrations.trl import trainer as ours
from creditlib.testing import assert_close
from creditlib.testing.tolerances import agree

# What TRL and transformers warn of is theirs.
pytestmark = pytest.mark.filterwarnings("ignore")

NIGHTLY = functools.partial(pytest.param, marks=pytest.mark.nightly)
STOCK = {"credit": "grpo", "credit_options": {"preset": "TRL_GRPO"}}


@pytest.fixture(autouse=True)
def quiet(caplog):
    """TRL logs a warning for every row without a reward."""
    caplog.set_level("ERROR")


def both(folder, steps=10, **others):
    """What stock TRL recorded, and what creditlib gave with the same settings."""
    stock = tiny.trained(GRPOTrainer, folder, steps, **others)[1]
    own = tiny.trained(ours.CreditGRPOTrainer, folder, steps, **others, **STOCK)[1]
    return stock, own


def same(stock, own):
    """Every advantage and the loss of every micro-batch agree; the losses say something."""
    assert len(stock) == len(own) > 0
    for theirs, mine in zip(stock, own, strict=True):
        mask = mine["output"]["completion_mask"] * mine["output"].get("tool_mask", 1)
        assert torch.equal(theirs["output"]["completion_ids"], mine["output"]["completion_ids"])
        spread = theirs["output"]["advantages"][:, None] * mask
        assert mine["output"]["advantages"].dtype == torch.float32
        assert agree(mine["output"]["advantages"], spread)
        assert agree(torch.tensor(mine["logged"]), torch.tensor(theirs["logged"]))
        first, second = torch.stack(theirs["loss"]), torch.stack(mine["loss"])
        assert_close(second, first)
    return torch.cat([torch.stack(each["loss"]) for each in stock])


@pytest.mark.parametrize("loss", ["grpo", NIGHTLY("dr_grpo"), NIGHTLY("bnpo"), "dapo"])
def test_ten_steps_of_grpo_are_those_of_stock_trl(loss, tmp_path):
    stock, own = both(tmp_path, config={"loss_type": loss})
    losses = same(stock, own)
    assert len(losses) == 40
    assert losses.abs().max() > 0.01
    assert any(each["rewards"].isnan().any() for each in stock)


LOSSES = {
    "cispo": {},
    "sapo": {},
    "vespo": {},
    "luspo": {"importance_sampling_level": "sequence"},
    "grpo": {"importance_sampling_level": "sequence", "top_entropy_quantile": 0.5},
    "bnpo": {"off_policy_mask_threshold": 0.0, "delta": 3.0},
}


@pytest.mark.parametrize(
    "loss", [NIGHTLY("cispo"), NIGHTLY("sapo"), NIGHTLY("vespo"), "luspo", "grpo", "bnpo"]
)
def test_credit_on_every_token_serves_every_loss_of_trl(loss, tmp_path):
    """Two passes over each batch: ratios, clips and off-policy masks are at work."""
    config = {"loss_type": loss, "num_iterations": 2, **LOSSES[loss]}
    same(*both(tmp_path, 4, config=config, rollout_func=tiny.scripted()))


@pytest.mark.parametrize("scale", ["batch", "none"])
def test_settings_of_trl_count(scale, tmp_path):
    config = {"scale_rewards": scale, "reward_weights": [0.25, 2.0], "num_generations": 3}
    rewards = [tiny.letters, tiny.lengths]
    stock, _ = outcome = both(
        tmp_path, 3, config=config, rollout_func=tiny.scripted(), reward_funcs=rewards
    )
    same(*outcome)
    gaps = torch.cat([each["rewards"].isnan() for each in stock])
    assert (gaps.any(1) & ~gaps.all(1)).any()  # one of two has none: it counts as 0, as in TRL
    assert gaps.all(1).any()


def test_evaluation_has_groups_of_its_own(tmp_path):
    config = {"num_generations_eval": 2, "per_device_eval_batch_size": 6}
    data = tiny.Dataset.from_dict({"prompt": ["x", "yy", "z"]})
    found = []
    for base, more in ((GRPOTrainer, {}), (ours.CreditGRPOTrainer, STOCK)):
        trainer, seen = tiny.trained(
            base,
            tmp_path,
            1,
            config=config,
            rollout_func=tiny.scripted(),
            eval_dataset=data,
            **more,
        )
        measured = trainer.evaluate()
        found.append(seen[1:])
    same(*found)
    assert measured["eval_creditlib/group/count"] == 3


def pieces(rows, seen):
    """What creditlib needs, from the script itself; and which rows take part."""
    reward = seen["rewards"][:, 0].double()
    keep = ~reward.isnan()
    group = torch.arange(len(rows)) // 4
    count = torch.tensor([len(row["anchor"]) for row in rows])
    turns = int(count[keep].max())

    def table(name):
        return torch.tensor([row[name] + [0.0] * (3 - len(row[name])) for row in rows])[:, :turns]

    tensors = {
        "reward": reward,
        "group": group,
        "turn_count": count,
        "turn_reward": table("turn_reward"),
        "duration": table("duration"),
        "anchor": cl.anchor_ids(
            [row["anchor"] + [None] * (3 - len(row["anchor"])) for row in rows]
        )[:, :turns],
    }
    return {name: x[keep] for name, x in tensors.items()}, keep


def test_gigpo_trains_on_what_a_rollout_noted(tmp_path):
    rollouts = []
    options = {"gamma": 0.9, "preset": "VERL_AGENT_GIGPO", "weight": "duration_weight"}
    trainer, seen = tiny.trained(
        ours.CreditGRPOTrainer,
        tmp_path,
        4,
        rollout_func=tiny.scripted(rollouts),
        credit="gigpo",
        credit_options=options,
    )
    uneven = 0
    for rows, each in zip(rollouts, seen, strict=True):
        tensors, keep = pieces(rows, each)
        credit = cl.apply("gigpo", tensors, **presets.VERL_AGENT_GIGPO, gamma=0.9)
        credit = credit * cl.apply("duration_weight", tensors)
        advantages = each["output"]["advantages"]
        for place, of_turns in zip(keep.nonzero()[:, 0].tolist(), credit, strict=True):
            turn, before, wanted = -1, 0, []
            for written in rows[place]["env_mask"]:
                turn += written > before
                before = written
                wanted.append(float(of_turns[turn]) if written else 0.0)
            wanted += [0.0] * (advantages.shape[1] - len(wanted))
            assert agree(advantages[place], torch.tensor(wanted))
            mean = sum(wanted) / sum(rows[place]["env_mask"])
            assert each["logged"][place] == pytest.approx(mean, abs=1e-6)
            uneven += len(set(of_turns.tolist())) > 2
        assert not advantages[~keep].any()
        assert not keep.all()
    assert uneven > 8
    assert torch.stack(seen[-1]["loss"]).abs().max() > 0
    logged = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert all("creditlib/credit/abs_mean" in entry for entry in logged)
    changed = [
        not torch.equal(a, b)
        for a, b in zip(trainer.model.parameters(), tiny.model().parameters(), strict=True)
    ]
    assert any(changed)


def only_one(completion_ids, **others):
    """The first of four has a reward, in the first group only; all others none."""
    return [1.0 if place == 0 else None for place in range(len(completion_ids))]


def test_a_lone_rollout_gets_nothing_and_a_batch_without_rewards_stops_nothing(tmp_path):
    for reward in (only_one, lambda completion_ids, **others: [None] * len(completion_ids)):
        _, seen = tiny.trained(ours.CreditGRPOTrainer, tmp_path, 2, reward_funcs=[reward])
        assert all(not each["output"]["advantages"].any() for each in seen)
        assert all(torch.stack(each["loss"]).isfinite().all() for each in seen)


def test_truncated_rows_are_rejected_where_trl_still_counts_their_rewards(tmp_path):
    config = {"mask_truncated_completions": True}
    stock, own = both(tmp_path, 2, config=config, rollout_func=tiny.scripted())
    differs = False
    for theirs, mine in zip(stock, own, strict=True):
        left = mine["output"]["completion_mask"].sum(1) > 0
        reward = mine["rewards"][:, 0].double()
        keep = left & ~reward.isnan()
        wanted = cl.grpo(
            reward=reward[keep], group=(torch.arange(12) // 4)[keep], **presets.TRL_GRPO
        )
        mean = torch.tensor(mine["logged"], dtype=torch.float64)
        assert agree(mean[keep].float(), wanted.float())
        assert not mine["output"]["advantages"][~keep].any()
        differs |= not agree(theirs["output"]["advantages"][keep], wanted.float())
        assert not left.all()
    assert differs


class Corridor:
    """Three rooms in a row; walking is the only tool."""

    def reset(self, **others):
        self.place, self.credit_record = 0, {"anchor": ["room 0"], "turn_reward": []}

    def walk(self, steps: int) -> str:
        """Walk.

        Args:
            steps: how many rooms.

        Returns:
            Where you are.
        """
        self.place += steps
        self.credit_record["anchor"].append(f"room {self.place}")
        self.credit_record["turn_reward"].append(float(self.place == 3 and steps > 0))
        return f"room {self.place}"

    def get_reward(self):
        return float(self.place == 3) if self.place < 5 else None


CALL = '<tool_call>\n{"name": "walk", "arguments": {"steps": %d}}\n</tool_call>'
# Steps of the calls of each turn; the conversation then closes with a turn that calls nothing.
# The fourth call of a conversation is not made any more, and 5 leads to a room without a reward.
WALKS = [
    *([[1], [2]], [[1, 1], [1]], [], [[3]]),
    *([[1], [2]], [[2, -1, 2]], [[1], [1], [1], [1]], [[5]]),
]


class Scripted(GRPOTrainer):
    """TRL's own tool loop: only what the model would write is scripted, by the turns so far."""

    made: ClassVar[list[int]] = []

    def _generate_single_turn(
        self, prompt_ids, images, multimodal_fields, num_generations, has_tool_images=False
    ):
        turn = self.made.append(len(prompt_ids)) or len(self.made) - 1
        # The rows that called in the turn before go on, in their order.
        going = [walk for walk in WALKS if len(walk) >= turn]
        calls = [walk[turn] if turn < len(walk) else [] for walk in going]
        texts = ["".join(CALL % steps for steps in each) for each in calls]
        assert len(texts) == len(prompt_ids)
        return [self._tokenizer((text or "done") + "<|im_end|>").input_ids for text in texts], None


def test_environments_note_anchors_and_rewards_of_calls(tmp_path):
    words = tiny.chat_tokenizer()
    trainer, seen = tiny.trained(
        ours.credit_trainer(Scripted),
        tmp_path,
        1,
        reward_funcs=[],
        environment_factory=Corridor,
        processing_class=words,
        model=tiny.model(len(words)),
        train_dataset=tiny.Dataset.from_dict({"prompt": [[{"role": "user", "content": "go"}]] * 2}),
        config={
            "per_device_train_batch_size": 8,
            "gradient_accumulation_steps": 1,
            "max_completion_length": 500,
            "max_tool_calling_iterations": 3,
        },
        credit="gigpo",
        credit_options={"scale": None, "gamma": 1.0},
    )
    assert trainer.made == [8, 7, 4, 1]
    rooms = [[0, 1, 3], [0, 2, 3], [0], [0, 3], [0, 1, 3], [0, 3], [0, 1, 2, 3]]
    earned = [[0, 1, 0], [0, 1, 0], [0], [1, 0], [0, 1, 0], [1, 0], [0, 0, 1, 0]]
    count = torch.tensor([len(row) for row in rooms])
    wanted = cl.gigpo(
        reward=torch.tensor([1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0]),
        group=torch.arange(7) // 4,
        turn_reward=torch.tensor([row + [0] * (4 - len(row)) for row in earned]).float(),
        anchor=cl.anchor_ids([row + [None] * (4 - len(row)) for row in rooms]),
        turn_count=count,
        scale=None,
        gamma=1.0,
    )
    output = seen[0]["output"]
    mask = output["completion_mask"] * output["tool_mask"]
    turn = cl.layouts.turns_from_mask(mask != 0)
    assert cl.layouts.count_turns(turn).tolist() == [*count.tolist(), 2]
    assert agree(output["advantages"][:7], cl.to_tokens(wanted, turn[:7]))
    assert not output["advantages"][7].any()  # its environment had no reward for it
    assert len(wanted.unique()) > 3


def test_what_takes_one_advantage_a_row_is_refused(refusal, tmp_path):
    for base in (GMPOTrainer, RLOOTrainer):
        assert refusal(ours.credit_trainer, base) == (
            "credit_trainer: `base` must be a GRPOTrainer with its loss of (rows, tokens), "
            f"got {base.__name__}, whose loss is of rows."
        )
    config = {"use_liger_kernel": True}
    sentence = refusal(tiny.trained, ours.CreditGRPOTrainer, tmp_path, config=config)
    assert "`use_liger_kernel` must be False" in sentence
    config = {"multi_objective_aggregation": "normalize_then_sum"}
    sentence = refusal(tiny.trained, ours.CreditGRPOTrainer, tmp_path, config=config)
    assert "`multi_objective_aggregation` must be" in sentence


def test_the_class_is_found_by_its_name():
    assert pickle.loads(pickle.dumps(ours.CreditGRPOTrainer)) is ours.CreditGRPOTrainer
    assert issubclass(ours.CreditGRPOTrainer, GRPOTrainer)


def test_the_table_of_completions_shows_the_advantages_used(tmp_path, capsys):
    """And a checkpoint is written, as by any trainer."""
    config = {"log_completions": True, "save_strategy": "steps", "save_steps": 1}
    _, seen = tiny.trained(
        ours.CreditGRPOTrainer,
        tmp_path,
        1,
        rollout_func=tiny.scripted(),
        config=config,
        credit="gigpo",
    )
    output = seen[0]["output"]
    written = output["completion_mask"] * output["tool_mask"]
    mean = (output["advantages"] * written).sum(1) / written.sum(1)
    table = pandas.read_parquet(tmp_path / "completions" / "completions_00001.parquet")
    assert agree(torch.tensor(table["advantage"].tolist()), mean)
    assert mean.any()
    assert (tmp_path / "checkpoint-1" / "model.safetensors").is_file()


def test_two_ranks_are_one(tmp_path):
    """Twelve rows in groups of four on two ranks of six: the middle group lies on both."""
    script = str(Path(__file__).with_name("trl_tiny.py"))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "OMP_NUM_THREADS": "1",
    }
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    subprocess.run(
        [*launch, script, str(tmp_path), "stock,grpo,gigpo", "6"],
        env=environment,
        check=True,
        capture_output=True,
        timeout=300,
    )
    for credit in ("stock", "grpo", "gigpo"):
        tiny.rank(credit, tmp_path, 12)
        one = torch.load(tmp_path / f"{credit}_1_0.pt")
        two = [torch.load(tmp_path / f"{credit}_2_{rank}.pt") for rank in range(2)]
        for step, whole in enumerate(one["seen"]):
            for place, part in enumerate(each["seen"][step] for each in two):
                mine, width = part["advantages"], part["completion_mask"].shape[1]
                wanted = whole["advantages"][6 * place : 6 * place + 6]
                assert agree(mine, wanted if wanted.ndim == 1 else wanted[:, :width])
                assert agree(torch.tensor(part["logged"]), torch.tensor(whole["logged"]))
        for entry, of_first in zip(one["metrics"], two[0]["metrics"], strict=True):
            assert of_first == pytest.approx(entry)
            assert bool(entry) == (credit != "stock")
    stock, grpo = (torch.load(tmp_path / f"{name}_2_1.pt")["seen"] for name in ("stock", "grpo"))
    for theirs, mine in zip(stock, grpo, strict=True):
        mask = mine["completion_mask"] * mine["tool_mask"]
        assert agree(mine["advantages"], theirs["advantages"][:, None] * mask)
        assert mine["advantages"].abs().max() > 0.1
