"""The estimators through verl's own functions, on real batches: `make integration TRAINER=verl`."""

import inspect
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lock_game import ROLLOUTS, TURNS, Policy, as_array
from trainer_modules import itself

import creditlib as cl
from creditlib.integrations.patching import verify
from creditlib.integrations.verl import registry as adapter
from creditlib.rows.names import PREFIX, estimator_names
from creditlib.testing import assert_close

verl, ray_trainer, trainer_base, core_algos, verl_config, verl_workers, omegaconf, tensordict = (
    itself(
        "verl",
        "verl.trainer.ppo.ray_trainer",
        "verl.trainer.ppo.v1.trainer_base",
        "verl.trainer.ppo.core_algos",
        "verl.trainer.config",
        "verl.workers.config",
        "omegaconf",
        "tensordict",
    )
)
pytestmark = pytest.mark.filterwarnings("ignore")  # of verl and what it imports
OmegaConf, DataProto = omegaconf.OmegaConf, verl.DataProto
ROWS, TOKENS = 24, 17


def config(**settings):
    section = {"gamma": 1.0, "lam": 1.0, "norm_adv_by_std_in_grpo": True}
    return OmegaConf.create({**section, **settings})


def ragged(seed, lone=True):
    """Groups of 1 to 8 rollouts, tool gaps, the reward on the last written token."""
    rng = np.random.default_rng(seed)
    sizes = [1] if lone else []
    while sum(sizes) < ROWS:
        sizes.append(int(min(rng.integers(2, 9), ROWS - sum(sizes))))
    if sizes[-1] == 1 and not lone:
        sizes[-2:] = [sizes[-2] + 1]
    uid = np.array([f"u{g}" for g, size in enumerate(sizes) for _ in range(size)], dtype=object)
    order = rng.permutation(ROWS)
    mask = torch.zeros(ROWS, TOKENS, dtype=torch.int64)
    for row in range(ROWS):
        length = int(rng.integers(3, TOKENS + 1))
        mask[row, :length] = torch.from_numpy(rng.integers(0, 2, length))
        mask[row, [0, length - 1]] = 1
    last = TOKENS - 1 - mask.flip(1).argmax(1)
    reward = torch.zeros(ROWS, TOKENS)
    # Sixteenths: verl's float32 statistics lose digits where rewards nearly agree.
    reward[torch.arange(ROWS), last] = torch.from_numpy(rng.integers(1, 17, ROWS) / 16).float()
    return {"mask": mask, "reward": reward, "uid": uid[order], "rng": rng}


def proto(batch, **more):
    tensors = {
        "response_mask": batch["mask"].clone(),
        "token_level_rewards": batch["reward"].clone(),
        "token_level_scores": batch["reward"].clone(),
    }
    beside = {"uid": batch["uid"]}
    for name, value in more.items():
        (tensors if isinstance(value, torch.Tensor) else beside)[name] = value
    return DataProto.from_dict(tensors=tensors, non_tensors=beside)


def computed(data, name, settings):
    result = ray_trainer.compute_advantage(
        data,
        name,
        gamma=settings.gamma,
        lam=settings.lam,
        num_repeat=4,
        norm_adv_by_std_in_grpo=settings.norm_adv_by_std_in_grpo,
        config=settings,
    )
    return result.batch["advantages"], result.batch["returns"]


@pytest.fixture(scope="module", autouse=True)
def _registered():
    adapter.register()
    assert adapter.PATCH_ERRORS == []


def test_the_hooks_are_as_recorded():
    """Looked at beneath what `register` has put in their place."""
    assert adapter.TRAINER.version in adapter.TRAINER.known
    for hook in adapter.TRAINER.hooks:
        verify(adapter.TRAINER, hook)


def test_verl_loads_the_plugin_by_itself():
    """A fresh process that imports verl and nothing else has every estimator, drivers taken."""
    code = (
        "import verl, verl.trainer.ppo.core_algos as core\n"
        "print(*sorted(n for n in core.ADV_ESTIMATOR_REGISTRY if n.startswith('creditlib')))\n"
        "import verl.trainer.ppo.ray_trainer as v0\n"
        "print(hasattr(v0.compute_advantage, 'creditlib_original'))\n"
        "import verl.trainer.ppo.v1.trainer_base as v1\n"
        "print(hasattr(v1.PPOTrainer._compute_advantage, 'creditlib_original'))\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names, v0, v1 = out.stdout.strip().splitlines()[-3:]
    assert names.split() == sorted(["creditlib", *(PREFIX + each for each in estimator_names())])
    assert (v0, v1) == ("True", "True")


# verl's own function, ours, and what makes ours say the same.
PAIRS = [
    ("grpo", "grpo", {"preset": "VERL_GRPO"}, {}),
    ("grpo", "grpo", {"preset": "VERL_DR_GRPO"}, {"norm_adv_by_std_in_grpo": False}),
    ("grpo_vectorized", "grpo", {"preset": "VERL_GRPO"}, {}),
    ("rloo", "rloo", {"preset": "VERL_RLOO"}, {}),
    ("rloo_vectorized", "rloo", {}, {}),
    ("opo", "opo", {"preset": "VERL_OPO"}, {}),
    ("gpg", "gpg", {"preset": "VERL_GPG"}, {}),
    ("reinforce_plus_plus", "reinforce_plus_plus", {}, {"gamma": 0.9}),
    (
        "reinforce_plus_plus_baseline",
        "reinforce_plus_plus_baseline",
        {"preset": "VERL_REINFORCE_PLUS_PLUS_BASELINE"},
        {},
    ),
]


@pytest.mark.parametrize(("theirs", "ours", "own", "section"), PAIRS)
@pytest.mark.parametrize("seed", range(5))
def test_the_numbers_of_verl_under_presets(theirs, ours, own, section, seed):
    batch = ragged(seed)
    settings = config(**section, creditlib=own)
    wanted, returns = computed(proto(batch), theirs, settings)
    found, found_returns = computed(proto(batch), PREFIX + ours, settings)
    written = batch["mask"] != 0
    assert_close(found[written], wanted[written], "golden")
    assert (found[~written] == 0).all()
    if theirs == "reinforce_plus_plus":
        assert_close(found_returns[written], returns[written], "golden")


def test_gae_whitened_as_verl_does():
    """verl leaves numbers on masked tokens; ours are 0 there."""
    for seed in range(5):
        batch = ragged(seed)
        values = torch.from_numpy(batch["rng"].standard_normal((ROWS, TOKENS))).float()
        settings = config(gamma=0.99, lam=0.95, creditlib={"whiten": True})
        wanted = computed(proto(batch, values=values), "gae", settings)
        found = computed(proto(batch, values=values), "creditlib_gae", settings)
        written = batch["mask"] != 0
        for ours, theirs in zip(found, wanted, strict=True):
            assert_close(ours[written], theirs[written], "golden")
            assert (ours[~written] == 0).all()


def test_gdpo_with_the_columns_that_verl_names():
    """verl reads them from `non_tensor_batch` and puts each on the last token of the response."""
    for seed in range(5):
        batch = ragged(seed, lone=False)
        batch["mask"][:] = 1  # its components lie on the last token there is
        named = {"acc": batch["rng"].integers(0, 9, ROWS) / 8, "fmt": batch["rng"].random(ROWS)}
        ids = torch.zeros(ROWS, 2, dtype=torch.int64)
        more = {"prompts": ids, "attention_mask": torch.ones(ROWS, 2 + TOKENS, dtype=torch.int64)}
        settings = config(
            gdpo_reward_keys=["acc", "fmt"],
            gdpo_reward_weights=[1.0, 2.0],
            creditlib={"preset": "VERL_GDPO"},
        )
        wanted = computed(proto(batch, **named, **more), "gdpo", settings)[0]
        found = computed(proto(batch, **named, **more), "creditlib_gdpo", settings)[0]
        assert_close(found, wanted, "golden")


def test_remax_and_pass_at_k():
    for seed in range(5):
        batch, settings = ragged(seed, lone=False), config()
        baselines = torch.from_numpy(batch["rng"].random(ROWS)).float()
        data = proto(batch, reward_baselines=baselines)
        wanted = computed(data, "remax", settings)[0]
        found = computed(proto(batch, reward_baselines=baselines), "creditlib_remax", settings)[0]
        assert_close(found[batch["mask"] != 0], wanted[batch["mask"] != 0], "golden")

        wanted = computed(proto(batch), "grpo_passk", settings)[0]
        settings = config(creditlib={"preset": "VERL_PASS_AT_K"})
        found = computed(proto(batch), "creditlib_pass_at_k", settings)[0]
        assert_close(found[batch["mask"] != 0], wanted[batch["mask"] != 0], "golden")


def test_equal_rewards_give_exactly_nothing_where_verls_own_do_not():
    batch = ragged(0)
    last = batch["reward"] != 0
    batch["reward"] = torch.where(last, 100.3, 0.0)
    settings = config()
    assert computed(proto(batch), "creditlib_grpo", settings)[0].equal(torch.zeros(ROWS, TOKENS))
    assert computed(proto(batch), "grpo", settings)[0].abs().max() > 0.1


def test_a_dataclass_configuration_is_read_too():
    batch = ragged(1)
    section = verl_config.AlgoConfig(gamma=1.0, lam=1.0, norm_adv_by_std_in_grpo=False)
    found = ray_trainer.compute_advantage(proto(batch), "creditlib_grpo", config=section)
    wanted = ray_trainer.compute_advantage(
        proto(batch), "creditlib_grpo", config=config(creditlib={"scale": None})
    )
    assert found.batch["advantages"].equal(wanted.batch["advantages"])


def column(values):
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def turn_level(batch):
    """The columns of every turn, as an agent loop records them, for every turn-level method."""
    run = cl.layouts.turns_from_mask(batch["mask"] != 0)
    counts = cl.layouts.count_turns(run).tolist()
    rng = batch["rng"]
    return counts, {
        "anchor": [[f"room {n}" for n in rng.integers(0, 3, count)] for count in counts],
        "turn_reward": [rng.random(count).tolist() for count in counts],
        "information_gain": [rng.standard_normal(count).tolist() for count in counts],
        "process_reward": [rng.standard_normal(count).tolist() for count in counts],
        "duration": [(0.1 + rng.random(count)).tolist() for count in counts],
    }


TURN_LEVEL = [
    ("gigpo", {"gamma": 0.9}),
    ("igpo", {"gamma": 0.9}),
    ("a2tgpo", {}),
    ("pure", {}),
    ("grpo_process", {}),
    ("grpo", {"weight": "duration_weight"}),
]


def table(lists, counts, dtype=torch.float32):
    found = torch.zeros(len(counts), max(counts), dtype=dtype)
    for row, (values, count) in enumerate(zip(lists, counts, strict=True)):
        found[row, :count] = torch.tensor(values, dtype=dtype)
    return found


def without_verl(name, settings, batch, counts, notes):
    options = {key: value for key, value in settings.items() if key != "weight"}
    turn = cl.layouts.turns_from_mask(batch["mask"] != 0)
    size = cl.turn_sum((turn >= 0).long(), turn, turns=max(counts)).long()
    tensors = {
        "reward": batch["reward"].sum(1),
        "group": cl.ids(batch["uid"].tolist()),
        "turn_count": torch.tensor(counts),
        "turn_length": size,
        "anchor": cl.anchor_ids(notes["anchor"]),
        **{key: table(notes[key], counts) for key in notes if key != "anchor"},
    }
    credit = cl.apply(name, tensors, **options)
    if "weight" in settings:
        credit = credit[:, None] * cl.apply(settings["weight"], tensors)
    return cl.to_tokens(credit, turn)


@pytest.mark.parametrize(("name", "settings"), TURN_LEVEL)
def test_turn_level_methods_in_the_v0_driver(name, settings):
    """verl's gamma is 1 by default; the library's own default may be another."""
    batch = ragged(3)
    counts, notes = turn_level(batch)
    data = proto(batch, **{key: column(values) for key, values in notes.items()})
    found = computed(data, PREFIX + name, config(creditlib=settings))[0]
    taken = inspect.signature(cl.resolve(name)).parameters
    own = {"gamma": 1.0, **settings} if "gamma" in taken else settings
    assert_close(found, without_verl(name, own, batch, counts, notes))


class Queue:
    """TransferQueue's calls on a dictionary of rows."""

    def __init__(self, rows):
        self.rows, self.put = rows, {}

    def kv_batch_get(self, keys, partition_id, select_fields):
        got = {}
        for name in select_fields:
            values = [self.rows[key][name] for key in keys if name in self.rows[key]]
            if len(values) < len(keys):
                continue
            got[name] = (
                torch.nested.as_nested_tensor(values, layout=torch.jagged)
                if isinstance(values[0], torch.Tensor)
                else tensordict.NonTensorStack(*values)
            )
        return tensordict.TensorDict(got, batch_size=[len(keys)])

    def kv_batch_put(self, keys, partition_id, fields):
        self.put = {key: {n: fields[n][i] for n in fields.keys()} for i, key in enumerate(keys)}  # noqa: SIM118
        return SimpleNamespace(keys=keys)


def sessions(seed):
    """Sessions of one to three outputs of one to four tokens, tool output among them."""
    rng = np.random.default_rng(seed)
    rows, tags = {}, {}
    for group in range(3):
        for session in range(4):
            reward = float(rng.integers(0, 2)) + 0.5 * rng.random()
            for output in range(int(rng.integers(1, 4))):
                mask = torch.ones(int(rng.integers(1, 5)), dtype=torch.int64)
                mask[1:-1] = torch.from_numpy(rng.integers(0, 2, max(len(mask) - 2, 0)))
                score = torch.zeros(len(mask))
                score[-1] = reward
                turns = int(cl.layouts.count_turns(cl.layouts.turns_from_mask(mask[None] != 0))[0])
                rows[f"u{group}_{session}_{output}"] = {
                    "uid": f"u{group}",
                    "response_mask": mask,
                    "rm_scores": score,
                    "extra_fields": {
                        "anchor": [f"room {n}" for n in rng.integers(0, 2, turns)],
                        "duration": rng.random(turns).tolist(),
                    },
                }
    padding = {
        "uid": "pad0",
        "response_mask": torch.zeros(1, dtype=torch.int64),
        "rm_scores": torch.zeros(1),
        "extra_fields": {},
    }
    keys = [*rng.permutation(list(rows)).tolist(), "pad0_0_0"]
    rows["pad0_0_0"] = padding
    tags = [{"is_padding": key.startswith("pad")} for key in keys]
    return rows, keys, tags


def stepped(name, settings, rows, keys, tags, monkeypatch):
    """The real `PPOTrainer._compute_advantage`, on a trainer made without Ray."""
    queue = Queue(rows)
    monkeypatch.setattr(trainer_base, "tq", queue)
    abstract = dict.fromkeys(trainer_base.PPOTrainer.__abstractmethods__, lambda self: None)
    bare = type("Bare", (trainer_base.PPOTrainer,), abstract)
    trainer = object.__new__(bare)
    trainer.config = OmegaConf.create(
        {
            "algorithm": {
                "adv_estimator": name,
                "gamma": 1.0,
                "lam": 1.0,
                "use_kl_in_reward": False,
                "creditlib": settings,
            },
            "actor_rollout_ref": {"rollout": {"n": 4}},
        }
    )

    class Batch(SimpleNamespace):
        def __len__(self):
            return len(self.keys)

    metrics = {}
    batch = Batch(keys=keys, partition_id="train", tags=tags)
    trainer._compute_advantage(batch, metrics)
    return {key: row["advantages"] for key, row in queue.put.items()}, metrics


@pytest.mark.parametrize("seed", range(3))
def test_grpo_in_the_v1_driver_is_verls_own_multi_trajectory_grpo(seed, monkeypatch):
    rows, keys, tags = sessions(seed)
    wanted, _ = stepped("grpo", {}, rows, keys, tags, monkeypatch)
    found, metrics = stepped(
        "creditlib_grpo", {"preset": "VERL_GRPO"}, rows, keys, tags, monkeypatch
    )
    for key in keys:
        assert_close(found[key], wanted[key], "golden")
    assert metrics["creditlib/rows/excluded"] == 1 / len(keys)


@pytest.mark.parametrize(("name", "weight"), [("gigpo", None), ("rloo", "duration_weight")])
def test_turn_level_methods_in_the_v1_driver(name, weight, monkeypatch):
    """Sessions put together by hand: outputs in order, a turn for each run of an output's mask."""
    rows, keys, tags = sessions(7)
    found, _ = stepped(PREFIX + name, {"weight": weight}, rows, keys, tags, monkeypatch)
    joined = {}
    for key in sorted(key for key in keys if not key.startswith("pad")):
        uid, session, _ = key.rsplit("_", 2)
        joined.setdefault((uid, session), []).append(key)
    anchors = [
        [a for k in own for a in rows[k]["extra_fields"]["anchor"]] for own in joined.values()
    ]
    seconds = [
        [a for k in own for a in rows[k]["extra_fields"]["duration"]] for own in joined.values()
    ]
    counts = [len(row) for row in anchors]
    tensors = {
        "reward": torch.tensor([rows[own[-1]]["rm_scores"].sum() for own in joined.values()]),
        "group": cl.ids([uid for uid, _ in joined]),
        "turn_count": torch.tensor(counts),
        "anchor": cl.anchor_ids(anchors),
        "duration": table(seconds, counts),
    }
    tensors["turn_reward"] = cl.outcome_at_last_turn(
        reward=tensors["reward"], turn_count=tensors["turn_count"], turns=max(counts)
    )
    credit = cl.apply(name, tensors, **({"gamma": 1.0} if name == "gigpo" else {}))
    if weight:
        credit = credit[:, None] * cl.apply(weight, tensors)
    for credits, own in zip(credit, joined.values(), strict=True):
        turn = 0
        for key in own:
            mask = rows[key]["response_mask"]
            run = cl.layouts.turns_from_mask(mask[None] != 0)
            each = cl.to_tokens(credits[None, turn:], run)[0]
            turn += int(cl.layouts.count_turns(run)[0])
            assert_close(found[key], each)


def test_a_rejected_last_output_does_not_zero_its_session():
    """verl's own gives the whole session 0; here its outcome still counts and is credit."""
    mask = torch.tensor([[1, 1], [0, 0], [1, 1]])
    reward = torch.tensor([[0.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
    batch = {"mask": mask, "reward": reward, "uid": np.array(["t"] * 3, dtype=object)}
    keys = ["t_0_0", "t_0_1", "t_1_0"]

    def both(name):
        data = trainer_base.compute_advantage_for_multi_trajectories(
            proto(batch),
            batch_keys=keys,
            adv_estimator=name,
            config=config(creditlib={"scale": None}),
        )
        return data.batch["advantages"].tolist()

    assert both("creditlib_grpo") == [[0.5, 0.5], [0.0, 0.0], [-0.5, -0.5]]
    assert both(core_algos.AdvantageEstimator.GRPO)[0] == [0.0, 0.0]


# Rows as users have them: columns of turns in lists, arrays and tensors.

TURN_MASK = torch.tensor([[1, 0, 1], [1, 0, 1], [1, 0, 1], [1, 0, 1]])
SEEN = [["a", "b"], ["a", "c"], ["a", "b"], ["d", "b"]]
STEP_REWARD = [[0.5, 0.0], [0.0, 0.25], [1.0, 0.0], [0.0, 0.0]]


def with_columns(anchor, turn_reward):
    reward = torch.zeros(4, 3)
    reward[:, -1] = torch.tensor([1.0, 0.0, 0.5, 0.25])
    uid = np.array(["p"] * 4, dtype=object)
    batch = {"mask": TURN_MASK, "reward": reward, "uid": uid}
    return proto(batch, anchor=anchor, turn_reward=turn_reward)


CONTAINERS = {
    "list": (SEEN, STEP_REWARD),
    "array of lists": (as_array(SEEN), as_array(STEP_REWARD)),
    "array of objects": (np.array(SEEN, dtype=object), np.array(STEP_REWARD, dtype=object)),
    "array of text": (np.array(SEEN), np.array(STEP_REWARD)),
    "array of arrays": (as_array([np.array(x) for x in SEEN]), np.array(STEP_REWARD)),
    "tensor": (as_array(SEEN), torch.tensor(STEP_REWARD)),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_rows_with_equally_many_turns_in_any_container_give_one_result(container):
    """`DataProto.from_dict` makes a two-dimensional array of lists of one length."""
    data = with_columns(*CONTAINERS[container])
    if container == "list":
        assert data.non_tensor_batch["anchor"].shape == (4, 2)
    plain = with_columns(as_array(SEEN), as_array(STEP_REWARD))
    for found, expected in zip(
        computed(data, "creditlib_gigpo", config()),
        computed(plain, "creditlib_gigpo", config()),
        strict=True,
    ):
        assert torch.equal(found, expected)


def test_a_batch_taken_apart_and_joined_keeps_its_credit():
    whole = with_columns(SEEN, STEP_REWARD)
    joined = DataProto.concat(with_columns(SEEN, STEP_REWARD).chunk(2))
    found = [computed(data, "creditlib_gigpo", config())[0] for data in (whole, joined)]
    assert torch.equal(*found)


# A training from end to end, without Ray and without a model: own sampling, then verl.

ACTOR = verl_workers.ActorConfig(strategy="fsdp", rollout_n=ROLLOUTS, use_dynamic_bsz=True)
STEPS, FIFTH = 60, 12


def game_proto(rollouts):
    """A batch as a user's own loop makes it: columns are lists with one value for each turn."""
    reward = rollouts.token_reward
    tensors = {
        "response_mask": rollouts.mask,
        "token_level_rewards": reward,
        "token_level_scores": reward.clone(),
    }
    beside = {
        "uid": [f"safe {each}" for each in rollouts.safe.tolist()],
        "anchor": rollouts.seen,
        "turn_reward": [[x / TURNS for x in row] for row in rollouts.right],
        "information_gain": rollouts.right,
    }
    return DataProto.from_dict(tensors=tensors, non_tensors=beside)


def trained(name, seed, steps=STEPS, rate=0.1):
    """The share of games won in each step of a training with verl's advantages and loss."""
    generator, policy = torch.Generator().manual_seed(seed), Policy()
    optimizer = torch.optim.AdamW(policy.parameters(), lr=rate, weight_decay=0.0)
    won = []
    for _ in range(steps):
        rollouts = policy.play(generator)
        advantage, _ = computed(game_proto(rollouts), name, config())
        new = policy.log_prob(rollouts)
        loss, _ = core_algos.compute_policy_loss_vanilla(
            new.detach(), new, advantage, rollouts.mask, config=ACTOR
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        won.append(rollouts.won)
    return won


def gained(won):
    """By how much the last fifth of the steps won more games than the first fifth."""
    return np.mean(won[-FIFTH:]) - np.mean(won[:FIFTH])


# A policy that draws at random wins 1 game of 64. A fifth is 12 steps of 32 games, so the standard
# deviation of its share of games won is 0.0063, that of a difference 0.009.
MARGIN = 0.5


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    "name", ["grpo", "creditlib_grpo", "creditlib_rloo", "creditlib_gigpo", "creditlib_igpo"]
)
def test_a_training_from_end_to_end_learns_the_game(name, seed):
    """`grpo` is verl's own: the game can be learned without creditlib too."""
    assert gained(trained(name, seed)) > MARGIN


def test_without_a_step_of_the_optimizer_nothing_is_learned():
    assert abs(gained(trained("creditlib_grpo", 0, rate=0.0))) < 0.05


def test_a_training_repeats_exactly():
    assert trained("creditlib_gigpo", 0, steps=15) == trained("creditlib_gigpo", 0, steps=15)


@pytest.mark.parametrize("unit", ["token", "sequence"])
@pytest.mark.parametrize("normalize", [False, True])
def test_rollout_correction_is_a_weight_of_ours(unit, normalize):
    correction = itself("verl.trainer.ppo.rollout_corr_helper")
    draw = torch.Generator().manual_seed(0)
    new, old = (-2 * torch.rand(4, 6, generator=draw, dtype=torch.float64) for _ in range(2))
    mask = (torch.rand(4, 6, generator=draw) < 0.7).long()
    wanted, _ = correction.compute_rollout_correction_weights(
        log_ratio=new - old,
        response_mask=mask,
        rollout_is=unit,
        rollout_is_threshold=2.0,
        rollout_is_batch_normalize=normalize,
    )
    turn = cl.layouts.turns_from_mask(mask)
    preset = {"token": cl.presets.VERL_TIS_TOKEN, "sequence": cl.presets.VERL_TIS_SEQUENCE}[unit]
    found = cl.importance_weight(
        log_prob=new,
        old_log_prob=old,
        turn=turn,
        conserve="batch" if normalize else None,
        **preset,
    )
    found = found if unit == "token" else cl.to_tokens(found, turn)
    assert_close(found, wanted * mask, "golden")
