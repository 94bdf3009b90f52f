"""The small worked cases of published code, each through our function and preset.

`core.json` speaks of rows, step ends and masks; the helpers below translate to the vocabulary.
"""

import json
from pathlib import Path

import pytest
import torch

import creditlib as cl
from creditlib import presets
from creditlib.testing import assert_close

pytestmark = pytest.mark.usefixtures("backend")  # every backend there is

CASES = json.loads((Path(__file__).parent / "data" / "core.json").read_text())
F64 = torch.float64

NOT_APPLICABLE = {
    "igpo_v1_code(column mean,no std)": "a mean per token column, superseded by its authors",
    "pure_verl_branch": "divides by the padded width, so padding changes credit",
    "pure_verl_branch_advnorm": "divides by the padded width, so padding changes credit",
    "pure_paper_N8": "formula not verified; its baseline runs along tokens inside a step",
}


def tensor(values):
    return torch.tensor(values, dtype=F64)


def rows(case):
    data = case["input"]
    names = data["index"]
    group = torch.tensor([sorted(set(names)).index(name) for name in names])
    reward = {"reward": tensor(data["rewards"])} if "rewards" in data else {}
    return {"group": group, **reward}


def lengths(case):
    return torch.tensor(case["input"]["lengths"])


def prefix_map(length, width):
    return torch.where(torch.arange(width) < length[:, None], 0, -1)


def mask_map(case):
    mask = torch.tensor(case["input"]["mask"]) > 0
    return torch.where(mask, 0, -1)


def step_table(steps):
    """[[(end token, score), …], …] -> (scores [batch turn], turn_count)."""
    width = max(map(len, steps))
    table = torch.zeros(len(steps), width, dtype=F64)
    for i, row in enumerate(steps):
        for k, (_, score) in enumerate(row):
            table[i, k] = score
    return table, torch.tensor([len(row) for row in steps])


def step_map(steps, width, separator=True):
    """The turn map of steps that end at given tokens; without separators their end is nobody's."""
    turn = torch.full((len(steps), width), -1)
    for i, row in enumerate(steps):
        start = 0
        for k, (end, _) in enumerate(row):
            turn[i, start : end + (1 if separator else 0)] = k
            start = end + 1
    return turn


def by_trajectory(function, **options):
    def run(case):
        return function(**rows(case), **options)

    return run


def opo(case):
    return cl.opo(**rows(case), length=lengths(case), **presets.VERL_OPO)


def rfpp_baseline(case):
    credit = cl.reinforce_plus_plus_baseline(
        **rows(case), length=lengths(case), **presets.VERL_REINFORCE_PLUS_PLUS_BASELINE
    )
    return cl.to_tokens(credit, prefix_map(lengths(case), case["input"]["L"]))


def remax(case):
    data = case["input"]
    credit = cl.remax(reward=tensor(data["rewards"]), baseline=tensor(data["baselines"]))
    return cl.to_tokens(credit, prefix_map(lengths(case), data["L"]))


def rfpp(case, part):
    reward = tensor(case["input"]["rewards"])
    turn, gamma = mask_map(case), case["input"]["gamma"]
    return cl.reinforce_plus_plus(token_reward=reward, turn=turn, gamma=gamma)[part]


def gae(case, whitened):
    data, turn = case["input"], mask_map(case)
    advantage, _ = cl.gae(
        token_reward=tensor(data["rewards"]),
        value=tensor(data["values"]),
        turn=turn,
        gamma=data["gamma"],
        lam=data["lam"],
    )
    return cl.whiten(advantage, turn >= 0) if whitened else advantage


def gdpo(case):
    data = case["input"]
    credit = cl.gdpo(
        rewards=tensor(data["rewards"]).T,
        group=rows(case)["group"],
        length=lengths(case),
        weights=data["weights"],
        **presets.VERL_GDPO,
    )
    return cl.to_tokens(credit, prefix_map(lengths(case), data["L"]))


def grpo_process(case):
    steps = case["input"]["steps"]
    table, count = step_table(steps)
    credit = cl.grpo_process(turn_reward=table, group=rows(case)["group"], turn_count=count)
    return cl.to_tokens(credit, step_map(steps, case["input"]["L"]))


def gigpo_batch(case):
    data = case["input"]
    places = cl.layouts.place_rows(cl.ids(data["traj"]))
    group = cl.layouts.trajectories_from_rows(cl.ids(data["index"]), places)
    reward = cl.layouts.trajectories_from_rows(tensor(data["episode_rewards"]), places)
    turns = cl.layouts.turns_from_rows
    batch = {
        "reward": reward,
        "group": group,
        "turn_reward": turns(tensor(data["step_rewards"]), places),
        "anchor": turns(cl.ids(data["anchor"]), places, fill=-1),
        "turn_count": places.turn_count,
        "invalid_action": turns(tensor(data["invalid"]) > 0, places),
    }
    return batch, places, data


def gigpo(part, preset, step_weight=None):
    def run(case):
        batch, places, data = gigpo_batch(case)
        weight = data["omega"] if step_weight is None else step_weight
        options = {"gamma": data["gamma"], "invalid_penalty": data["coef"], **preset}
        credit = cl.gigpo(**batch, step_weight=weight, **options)
        if part == "step":
            credit = credit - cl.gigpo(**batch, step_weight=0.0, **options)
        return cl.layouts.rows_from_turns(credit, places)

    return run


def gigpo_returns(case):
    # With every anchor its own group of one and a second trajectory of zeros, leave_out compares
    # each turn with 0: what is left of the step term are the returns themselves.
    batch, places, data = gigpo_batch(case)
    rows_, turns = batch["turn_reward"].shape
    zeros = torch.zeros(rows_, turns, dtype=F64)
    doubled = {
        "reward": torch.zeros(2 * rows_, dtype=F64),
        "group": torch.arange(rows_).repeat(2),
        "turn_reward": torch.cat([batch["turn_reward"], zeros]),
        "anchor": torch.arange(rows_ * turns).view(rows_, turns).repeat(2, 1),
        "turn_count": batch["turn_count"].repeat(2),
        "invalid_action": torch.cat([batch["invalid_action"], zeros > 0]),
    }
    options = {"gamma": data["gamma"], "invalid_penalty": data["coef"], "scale": None}
    both = cl.gigpo(**doubled, leave_out="turn", **options)
    alone = cl.gigpo(**doubled, leave_out="turn", step_weight=0.0, **options)
    return cl.layouts.rows_from_turns((both - alone)[:rows_], places)


def beliefs(case):
    means = [[sum(turn) / len(turn) for turn in row] for row in case["input"]["logps"]]
    count = torch.tensor([len(row) for row in means])
    table = torch.zeros(len(means), int(count.max()), dtype=F64)
    for i, row in enumerate(means):
        table[i, : len(row)] = tensor(row)
    return table, count


def gains(case, difference="prob"):
    table, count = beliefs(case)
    gain = cl.information_gain(gold_log_prob=table, turn_count=count, difference=difference)
    return gain, count


def real(credit, count):
    return credit[torch.arange(credit.shape[1]) < count[:, None]]


def information_gain(difference):
    def run(case):
        gain, count = gains(case, difference)
        return real(gain, count - 1)

    return run


def igpo(**options):
    def run(case):
        gain, count = gains(case)
        gamma = case["input"].get("gamma", 1.0)
        outcome = tensor(case["input"]["outcome"])
        group = rows(case)["group"]
        credit = cl.igpo(
            reward=outcome,
            group=group,
            information_gain=gain,
            turn_count=count,
            gamma=gamma,
            **options,
        )
        return real(credit, count)

    return run


def a2tgpo(case):
    gain, count = gains(case)
    credit = cl.a2tgpo(
        reward=tensor(case["input"]["outcome"]),
        group=rows(case)["group"],
        information_gain=gain,
        turn_count=count,
        **presets.A2TGPO_OFFICIAL,
    )
    return real(credit, count)


def a2tgpo_z(case):
    gain, count = gains(case)
    scale = cl.a2tgpo_clip_scale(
        group=rows(case)["group"], information_gain=gain, turn_count=count, width=0.5
    )
    # Invert c = 1 + (sigmoid(z) − 1/2): what the clip scale was made of.
    return torch.logit(real(scale, count - 1) - 0.5)


def one_row(function, **options):
    def run(case):
        score = tensor([case["input"]["r"]])
        count = torch.tensor([score.shape[1]])
        return function(process_reward=score, turn_count=count, **options)[0]

    return run


def steps_of(function, **options):
    def run(case):
        returns = one_row(function, **options)(case)
        return returns - torch.cat([returns[1:], returns.new_zeros(1)])

    return run


def softmin_steps(case):
    return steps_of(cl.softmin_returns, temperature=case["input"]["T"])(case)


def pure(preset):
    def run(case):
        data = case["input"]
        table, count = step_table(data["steps"])
        inner = step_map(data["steps"], data["L"], separator=False)
        credit = cl.pure(
            process_reward=table,
            group=rows(case)["group"],
            turn_count=count,
            turn_length=cl.turn_sum(inner >= 0, inner, table.shape[1]).to(torch.int64),
            length=torch.tensor(data["lens"]),
            reward=tensor(data["vr"]),
            reward_weight=data["coef"],
            **preset,
        )
        return cl.to_tokens(credit, inner)

    return run


def duration(case):
    seconds = tensor(case["input"]["dt"])[:, None]
    count = torch.ones(len(seconds), dtype=torch.int64)
    return cl.duration_weight(duration=seconds, turn_count=count)[:, 0]


def duration_grpo(case):
    reward = tensor(case["input"]["rewards"])
    return duration(case) * cl.grpo(reward=reward, group=torch.zeros(4, dtype=torch.int64))


def partial(case):
    table = case["input"]["rows"]
    score = tensor([float("nan") if row[1] is None else row[1] for row in table])
    return cl.partial_credit(
        solved=torch.tensor([row[0] for row in table]),
        score=score,
        milestones=torch.tensor([row[2] for row in table]),
    )


def partial_grpo(case):
    reward = partial(case)
    return cl.grpo(reward=reward, group=torch.zeros(len(reward), dtype=torch.int64))


AGENT, MEAN = presets.VERL_AGENT_GIGPO, presets.VERL_AGENT_GIGPO_MEAN
RUNS = {
    "grpo_std": by_trajectory(cl.grpo, **presets.VERL_GRPO),
    "dr_grpo": by_trajectory(cl.grpo, **presets.VERL_DR_GRPO),
    "grpo_vectorized(f32)": by_trajectory(cl.grpo, **presets.VERL_GRPO),
    "grpo_std_ddof0": by_trajectory(cl.grpo, **presets.RLLM_GRPO),
    "rloo": by_trajectory(cl.rloo, **presets.VERL_RLOO),
    "rloo_vectorized": by_trajectory(cl.rloo),
    "opo": opo,
    "gpg": by_trajectory(cl.gpg, **presets.VERL_GPG),
    "passk(no singleton)": by_trajectory(cl.pass_at_k, **presets.VERL_PASS_AT_K),
    "lite_ppo_rawstd": by_trajectory(cl.grpo, **presets.LITE_PPO_RAW),
    "lite_ppo_centeredstd": by_trajectory(cl.grpo, **presets.LITE_PPO_CENTERED),
    "lite_ppo_pooledstd(AReaL)": by_trajectory(cl.grpo, **presets.LITE_PPO_CENTERED),
    "lite_ppo_raw_equal_groups(ROLL reward_norm)": by_trajectory(cl.grpo, **presets.LITE_PPO_RAW),
    "lite_ppo_centered_equal_groups(ROLL group_reward_norm)": by_trajectory(
        cl.grpo, **presets.LITE_PPO_CENTERED
    ),
    "rfpp_baseline": rfpp_baseline,
    "remax": remax,
    "rfpp_gamma.9_adv": lambda case: rfpp(case, 0),
    "rfpp_gamma.9_returns": lambda case: rfpp(case, 1),
    "gae_whitened": lambda case: gae(case, True),
    "gae_raw": lambda case: gae(case, False),
    "gdpo": gdpo,
    "grpo_process": grpo_process,
    "grpo_process_onestep==outcome": grpo_process,
    "gigpo_norm1": gigpo("sum", MEAN),
    "gigpo_episode_norm1": gigpo("sum", MEAN, step_weight=0.0),
    "gigpo_step_norm1": gigpo("step", MEAN),
    "gigpo_step_returns(after penalty)": gigpo_returns,
    "gigpo_omega0_norm1": gigpo("sum", MEAN, step_weight=0.0),
    "gigpo_std": gigpo("sum", AGENT),
    "gigpo_episode_std": gigpo("sum", AGENT, step_weight=0.0),
    "gigpo_step_std": gigpo("step", AGENT),
    "gigpo_omega0_std": gigpo("sum", AGENT, step_weight=0.0),
    "gigpo_episode_per_traj_norm1": gigpo(
        "sum", presets.VERL_AGENT_GIGPO_TRAJECTORY, step_weight=0.0
    ),
    "igpo_ig_prob": information_gain("prob"),
    "igpo_ig_logprob": information_gain("log_prob"),
    "igpo_v2_joint_g1.0": igpo(**presets.IGPO_OFFICIAL_JOINT),
    "igpo_v2_joint_g0.9": igpo(**presets.IGPO_OFFICIAL_JOINT),
    "igpo_v2_separate_g1.0": igpo(**presets.IGPO_OFFICIAL_SEPARATE),
    "igpo_v2_separate_g0.9": igpo(**presets.IGPO_OFFICIAL_SEPARATE),
    "igpo_paper_joint_unbiased_noeps": igpo(pool="joint", ddof=1, eps=0.0, variance_eps=0.0),
    "a2tgpo_turn_group_alpha.3": a2tgpo,
    "a2tgpo_turn_group_normed_ig": a2tgpo_z,
    "softmin_T.1": softmin_steps,
    "softmin_T1": softmin_steps,
    "hardmin": steps_of(cl.hard_min_returns),
    "softmin_T.1_returns": one_row(cl.softmin_returns),
    "hardmin_returns": one_row(cl.hard_min_returns),
    "sufmin_returns(literal min over future)": one_row(cl.suffix_min_returns),
    "pure_openrlhf_step": pure(presets.PURE_OPENRLHF_STEP),
    "pure_openrlhf_token": pure(presets.PURE_OPENRLHF_TOKEN),
    "duration_weights": duration,
    "duration_weighted_grpo": duration_grpo,
    "partial_credit": partial,
    "partial_credit_grpo": partial_grpo,
}


def test_every_case_is_run_or_says_why_not():
    assert set(RUNS) | set(NOT_APPLICABLE) == set(CASES)
    assert not set(RUNS) & set(NOT_APPLICABLE)


@pytest.mark.parametrize("name", RUNS)
def test_case_agrees_with_the_reference(name):
    case = CASES[name]
    expected, result = tensor(case["expected_f64"]), RUNS[name](case)
    if name == "gae_raw":  # the authors' code leaves carried values on masked tokens
        expected = torch.where(mask_map(case) >= 0, expected, 0)
    assert result.dtype == F64
    assert_close(result, expected)


def test_areal_adds_a_larger_eps():
    case = CASES["lite_ppo_pooledstd(AReaL)"]
    ours = cl.grpo(**rows(case), **presets.AREAL_LITE_PPO)
    # centred rewards have deviation s; s + 1e-6 in the reference, s + 1e-5 in AReaL
    s = (2.125 / 9) ** 0.5
    assert_close(ours, tensor(case["expected_f64"]) * (s + 1e-6) / (s + 1e-5))
