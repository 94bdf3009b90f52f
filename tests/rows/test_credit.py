import pytest
import torch

import creditlib as cl
from creditlib.rows.credit import credit_rows
from creditlib.rows.read import read_rows
from creditlib.rows.settings import credit_settings
from creditlib.testing import assert_close
from creditlib.vocabulary.messages import ContractError

MASK = torch.tensor([[1, 1, 0, 1], [1, 0, 0, 0], [0, 1, 1, 0], [1, 1, 1, 1]])


def rows(**given):
    defaults = {"mask": MASK, "group": ["a", "a", "a", "b"], "reward": [3.0, 0.0, 0.0, 5.0]}
    return read_rows(**{**defaults, **given})


def advantage(read, name, **settings):
    return credit_rows(read, credit_settings(settings, estimator=name)).advantage


def test_by_hand():
    """Mean of a is 1; b is alone and gets 0."""
    assert advantage(rows(), "grpo", scale=None).tolist() == [
        [2.0, 2.0, 0.0, 2.0],
        [-1.0, 0.0, 0.0, 0.0],
        [0.0, -1.0, -1.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
    ]


def test_a_weight_multiplies_turns():
    """2·1 on the turn of 1 s, 2·1 on that of 3 s: weights 4/2 · … by hand through the function."""
    read = rows(columns={"duration": [[1.0, 3.0], [2.0], [2.0], [2.0]]})
    factor = cl.duration_weight(
        duration=read.batch["duration"], turn_count=read.batch["turn_count"]
    )
    plain = advantage(read, "grpo", scale=None)
    found = advantage(read, "grpo", scale=None, weight="duration_weight")
    assert_close(found[0, 0], plain[0, 0] * factor[0, 0])
    assert_close(found[0, 3], plain[0, 3] * factor[0, 1])
    assert factor[0, 0] != factor[0, 1]


def test_whitening_counts_tokens():
    """Credits 2, -1, -1, 0 on 3, 1, 2, 4 tokens: mean 3/10, variance (3·2.89+3·1.69+4·.09)/9."""
    found = advantage(rows(), "grpo", scale=None, whiten=True)
    variance = (3 * 1.7**2 + 3 * 1.3**2 + 4 * 0.3**2) / 9
    wanted = (torch.tensor([2.0, -1.0, -1.0, 0.0]) - 0.3) / variance**0.5
    assert_close(found, torch.where(MASK != 0, wanted[:, None], 0.0))


def test_steps_copies_and_excluded_rows():
    """Two trajectories of one group, one in two steps with a copy; a third is unscored."""
    read = rows(
        group=["a"] * 4,
        reward=[1.0, 1.0, 1.0, 0.0],
        trajectory=["x", "x", "x", "y"],
        step=[0, 1, 0, 0],
        mask=torch.tensor([[1, 1], [0, 1], [1, 1], [1, 0]]),
    )
    assert advantage(read, "grpo", scale=None).tolist() == [
        [0.5, 0.5],
        [0.0, 0.5],
        [0.5, 0.5],
        [-0.5, 0.0],
    ]


def test_tokens_are_credited_by_estimators_of_tokens():
    """Rewards 3, 0, 0, 5 at the last written token, discounted by a half per written token."""
    read = rows()
    found = credit_rows(read, credit_settings({"gamma": 0.5}, estimator="discounted_return"))
    assert found.advantage.tolist() == [
        [0.75, 1.5, 0.0, 3.0],
        [0.0] * 4,
        [0.0] * 4,
        [0.625, 1.25, 2.5, 5.0],
    ]
    pair = credit_rows(
        rows(value=torch.ones(4, 4)), credit_settings({"gamma": 1.0, "lam": 1.0}, estimator="gae")
    )
    assert pair.advantage[0].tolist() == [2.0, 2.0, 0.0, 2.0]
    assert pair.returns[0].tolist() == [3.0, 3.0, 0.0, 3.0]


# Three tokens were written, the second of them is not trained. Its value and its reward count.
STEPS = {"mask": torch.tensor([[1, 0, 1]]), "turn_mask": torch.tensor([[1, 1, 1]])}


@pytest.mark.parametrize(
    ("token_reward", "wanted"),
    [([0.0, 0.0, 4.0], [1.0, 0.0, 4.0]), ([0.0, 2.0, 4.0], [2.0, 0, 4.0])],
)
def test_a_token_that_is_not_trained_is_a_step_of_gamma(token_reward, wanted):
    """gamma 1/2: 4/4 and 4. A reward of 2 on the middle token adds 2/2 to the first."""
    read = rows(**STEPS, group=["a"], reward=[4.0], token_reward=torch.tensor([token_reward]))
    found = credit_rows(read, credit_settings({"gamma": 0.5}, estimator="discounted_return"))
    assert found.advantage.tolist() == [wanted]
    assert found.returns is found.advantage
    without = {**STEPS, "turn_mask": None}
    read = rows(**without, group=["a"], reward=[4.0], token_reward=torch.tensor([[0.0, 0.0, 4.0]]))
    found = credit_rows(read, credit_settings({"gamma": 0.5}, estimator="discounted_return"))
    assert found.advantage.tolist() == [[2.0, 0.0, 4.0]]  # a token that nobody wrote is none


def test_a_token_that_is_not_trained_is_a_step_of_lambda_and_bootstrap():
    """gamma 1, lambda 1/2, V = (1, 3, 2), r = (0, 0, 4): δ = (2, -1, 2), A = (2, 0, 2) on all
    three tokens: 2, then -1 + 1, then 2 + 0."""
    value = torch.tensor([[1.0, 3.0, 2.0]])
    read = rows(**STEPS, group=["a"], reward=[4.0], value=value)
    found = credit_rows(read, credit_settings({"gamma": 1.0, "lam": 0.5}, estimator="gae"))
    assert found.advantage.tolist() == [[2.0, 0.0, 2.0]]
    assert found.returns.tolist() == [[3.0, 0.0, 4.0]]


@pytest.mark.parametrize(
    ("name", "more"), [("discounted_return", {"whiten": True}), ("reinforce_plus_plus", {})]
)
def test_whitening_counts_trained_tokens(name, more):
    """Returns 1, 2, 4 at gamma 1/2; trained are 1 and 4: mean 5/2, deviation 3/√2."""
    read = rows(**STEPS, group=["a"], reward=[4.0])
    found = credit_rows(read, credit_settings({"gamma": 0.5, **more}, estimator=name))
    root = 2**-0.5
    assert_close(found.advantage, torch.tensor([[-root, 0.0, root]]))
    assert found.returns.tolist() == [[1.0, 0.0, 4.0]]


@pytest.mark.parametrize("more", [{}, {"eps": 0.5}])
@pytest.mark.parametrize("left_out", [False, True])
def test_gae_is_whitened_over_trained_tokens_with_its_own_eps(more, left_out):
    read = rows(**STEPS, group=["a"], reward=[4.0]) if left_out else rows()
    assert (read.turn is not read.tokens["turn"]) == left_out
    read.tokens["value"] = torch.arange(read.turn.numel(), dtype=torch.float32).view_as(read.turn)
    rates = {"gamma": 0.5, "lam": 0.5}
    plain = credit_rows(read, credit_settings(rates, estimator="gae"))
    settings = credit_settings({**rates, "whiten": True, **more}, estimator="gae")
    found = credit_rows(read, settings)
    assert torch.equal(found.advantage, cl.whiten(plain.advantage, read.turn >= 0, **more))
    assert torch.equal(found.returns, plain.returns)


def test_the_planes_of_several_rows_stay_apart():
    """An unscored row between two rows with tokens that are not trained."""
    read = rows(
        mask=torch.tensor([[1, 0, 1], [1, 1, 1], [0, 1, 0]]),
        turn_mask=torch.tensor([[1, 1, 1], [1, 1, 1], [0, 1, 1]]),
        group=["a"] * 3,
        reward=[4.0, None, 8.0],
    )
    assert read.turn.tolist() == [[0, -1, 0], [-1] * 3, [-1, 0, -1]]
    assert read.tokens["turn"].tolist() == [[0, 0, 0], [-1] * 3, [-1, 0, 0]]
    assert read.batch["length"].tolist() == [2, 1]
    found = credit_rows(read, credit_settings({"gamma": 0.5}, estimator="discounted_return"))
    assert found.advantage.tolist() == [[1.0, 0.0, 4.0], [0.0] * 3, [0.0, 4.0, 0.0]]
    assert found.metrics["creditlib/rows/excluded"] == pytest.approx(1 / 3)


def test_excluded_rows_do_not_reach_estimators_of_tokens():
    read = rows(reward=[3.0, None, 0.0, 5.0])
    found = credit_rows(read, credit_settings(estimator="reinforce_plus_plus"))
    alone = read_rows(mask=MASK[[0, 2, 3]], group=["a", "a", "b"], reward=[3.0, 0.0, 5.0])
    wanted = credit_rows(alone, credit_settings(estimator="reinforce_plus_plus"))
    assert found.advantage[[0, 2, 3]].equal(wanted.advantage)
    assert (found.advantage[1] == 0).all()


def test_metrics_are_those_of_the_diagnosis():
    read = rows(reward=[3.0, 0.0, None, 5.0], trajectory=[0, 1, 2, 3], step=[0, 0, 0, 0])
    metrics = credit_rows(read, credit_settings(estimator="grpo")).metrics
    assert metrics["creditlib/rows/excluded"] == 0.25
    assert metrics["creditlib/group/lone"] == 0.5
    assert metrics["creditlib/rows/copies"] == 0.0


def test_no_trajectory_left_is_no_error():
    for name, settings in (("grpo", {}), ("gae", {"gamma": 1.0, "lam": 1.0})):
        read = rows(reward=[None] * 4, value=torch.ones(4, 4))
        found = credit_rows(read, credit_settings(settings, estimator=name))
        assert found.advantage.equal(torch.zeros(4, 4))


@pytest.mark.parametrize("name", ["gigpo", "gdpo", "igpo", "remax"])
def test_without_trajectories_no_column_is_needed(name):
    """Rows that take no part may lack every column."""
    for columns in ({}, {"rewards": [[0.0, 1.0]] * 4, "anchor": [None] * 4}):
        found = credit_rows(
            rows(reward=[None] * 4, columns=columns), credit_settings(estimator=name)
        )
        assert found.advantage.equal(torch.zeros(4, 4))
        assert found.metrics["creditlib/rows/excluded"] == 1.0


@pytest.mark.parametrize(
    ("settings", "name"), [({}, "reinforce_plus_plus"), ({"whiten": True}, "discounted_return")]
)
def test_moments_over_tokens_of_one_rank_are_refused(monkeypatch, settings, name):
    """prime-rl #1047: each rank had a deviation of its own."""
    resolved = credit_settings({"gamma": 1.0, **settings}, estimator=name)
    alone = credit_rows(rows(), resolved).advantage
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    assert credit_rows(rows(), resolved).advantage.equal(alone)
    with pytest.raises(ContractError) as caught:
        credit_rows(rows(), resolved, gather=True)
    assert str(caught.value) == (
        f"{name}: `gather` must be False: normalisation over tokens covers one rank only, "
        "got True on 2 ranks."
    )
    plain = credit_settings({"gamma": 1.0}, estimator="discounted_return")
    assert credit_rows(rows(), plain, gather=True).advantage[0, 0] == 3.0


def test_groups_that_lie_on_one_rank_only_are_refused(monkeypatch):
    """Rows of a group on another rank would have no part in its statistics."""
    settings = credit_settings(estimator="branch_credit")
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    with pytest.raises(ContractError) as caught:
        credit_rows(rows(), settings, gather=True)
    assert str(caught.value) == (
        "branch_credit: `gather` must be False: its groups are compared on one rank only, "
        "got True on 2 ranks."
    )


def test_advantages_are_float32_and_returns_the_same_without_a_critic():
    found = credit_rows(rows(), credit_settings(estimator="grpo"))
    assert found.advantage.dtype == torch.float32
    assert found.returns is found.advantage


@pytest.mark.parametrize(
    ("settings", "given", "sentence"),
    [
        (
            {"weight": "duration_weight", "gamma": 1.0},
            {},
            "discounted_return: `weight` must be none: the estimator credits tokens, "
            "got duration_weight.",
        ),
        (
            {"gamma": 1.0},
            {"trajectory": ["x", "x", "y", "z"], "reward": [3.0, 3.0, 0.0, 5.0]},
            "discounted_return: `turn` must be of one row for each trajectory, "
            "got 4 rows of 3 trajectories.",
        ),
    ],
)
def test_what_tokens_cannot_have_is_refused(settings, given, sentence):
    with pytest.raises(ContractError) as caught:
        credit_rows(rows(**given), credit_settings(settings, estimator="discounted_return"))
    assert str(caught.value) == sentence
