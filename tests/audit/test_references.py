"""References by hand, their exact expectations, and the directions of the quality table."""

import pytest
import torch
from torch import Tensor

import creditlib as cl
from creditlib.audit import Sample, every_group, perturbed, sample
from creditlib.audit import references as ref
from creditlib.audit.subject import audited
from creditlib.audit.tasks import pipeline, reasoning, recovery, rooms, search
from creditlib.audit.tensors import BatchTensors
from creditlib.testing.tolerances import assert_close

GROUP = torch.tensor([0, 0])
TWO_AND_ONE = torch.tensor([2, 1])


def floats(*rows: list[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def test_every_reference_is_known_by_its_name() -> None:
    assert set(ref.REFERENCES) == {*ref.__all__} - {"REFERENCES"}
    assert all(audited(name).name == name for name in ref.REFERENCES)


def test_turn_mc_by_hand() -> None:
    # Returns to go 3, 2 and 4. Turn 0: 3 − 4 and 4 − 3. Turn 1 has no other: 2.
    credit = ref.turn_mc(turn_reward=floats([1, 2], [4, 0]), group=GROUP, turn_count=TWO_AND_ONE)
    assert_close(credit, floats([-1, 2], [1, 0]))


def test_group_gae_by_hand() -> None:
    # Both start at anchor 5 with returns 1 and 0: V = 1/2. Anchor 6 is met once: V = 1, its own.
    # δ: 1 − 1/2, 1 − 1; and 0 − 1/2. A at turn 0: 1/2 + .95 · 0.
    credit = ref.group_gae(
        turn_reward=floats([0, 1], [0, 0]),
        group=GROUP,
        anchor=torch.tensor([[5, 6], [5, -1]]),
        turn_count=TWO_AND_ONE,
    )
    assert_close(credit, floats([0.5, 0], [-0.5, 0]))


def test_information_gain_by_hand() -> None:
    # Gains 1 and 3 at turn 0: z −1 and 1 (up to eps). The answer is turn 1; outcomes 1 and 0.
    tensors = {
        "group": GROUP,
        "information_gain": floats([1, 9], [3, 9]),
        "turn_count": torch.tensor([2, 2]),
    }
    reward = torch.tensor([1.0, 0]).double()
    raw = ref.igpo_raw(reward=reward, **tensors)
    assert_close(raw.round(decimals=4), floats([2, 1], [2, -1]), "golden, four decimals")
    alone = ref.information_gain_turn_group(**tensors)
    assert_close(alone.round(decimals=4), floats([-1, 0], [1, 0]))
    both = ref.igpo_turn_group(reward=reward, **tensors)
    assert_close(both.round(decimals=4), floats([0, 1], [0, -1]), "golden, four decimals")


def test_process_rewards_by_hand() -> None:
    # Sums to go: 1, .4 and −.6. Turn 0: 1 + .6 and −.6 − 1. Turn 1 has no other: .4.
    tensors = {
        "process_reward": floats([0.6, 0.4], [-0.6, 0]),
        "group": GROUP,
        "turn_count": TWO_AND_ONE,
    }
    assert_close(ref.prm_sum(**tensors), floats([1.6, 0.4], [-1.6, 0]))
    # The minimum: .4 for both turns of the first, −.6 for the other.
    assert_close(ref.pure_hard_min(**tensors), floats([1.0, 0.4], [-1.0, 0]))
    # Softmin weights of .6 and .4 at T = .1: 1/(1 + e^2) and e^2/(1 + e^2).
    heavy = torch.tensor(2.0).double().sigmoid()
    soft = 0.6 * (1 - heavy) + 0.4 * heavy
    expected = torch.stack([soft + 0.6, 0.4 * heavy])
    assert_close(ref.pure_soft_min(**tensors)[0], expected)


def test_partial_credit_by_hand() -> None:
    # Outcomes 1 and 0 and progress 1/2 at turn 0 of both: returns 1.5 and .5, later 1 and 0.
    credit = ref.turn_mc_partial_credit(
        turn_reward=floats([0, 1], [0, 0]),
        progress_record=floats([0.5, 0], [0.5, 0]),
        group=GROUP,
        turn_count=torch.tensor([2, 2]),
    )
    assert_close(credit, floats([1, 1], [-1, -1]))
    grpo = ref.grpo_partial_credit(
        reward=torch.tensor([1.0, 0]), progress_record=floats([0.5, 0], [0.5, 0]), group=GROUP
    )
    assert_close(grpo, cl.grpo(reward=torch.tensor([1.5, 0.5]).double(), group=GROUP))


def test_a_potential_changes_no_group_estimator() -> None:
    drawn = sample(pipeline(3), pipeline(3).uniform(), groups=20)
    assert_close(audited("grpo_with_potential").credit(drawn), audited("grpo").credit(drawn))


def exact_scale(name: str, size: int) -> tuple[float, float]:
    """(largest error, scale) of the expected gradient on the tiny rooms, where states repeat."""
    task = rooms(n=2, actions=2, turns=3)
    groups = every_group(task, perturbed(task), size)
    assert groups.weight is not None
    credit = audited(name).credit(groups)
    mean = (groups.gradients(credit) * groups.weight[::size, None, None]).sum(0)
    true = groups.oracle.gradient[0]
    scale = float((mean * true).sum() / true.square().sum())
    return float((mean - scale * true).abs().max()), scale


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize(
    ("name", "scale"),
    [
        *((name, 1.0) for name in ("oracle", "reinforce", "turn_mc", "anchor_lto")),
        *((name, 1.0) for name in ("gae_exact_1", "gae_exact_95", "gae_exact_0")),
        *((name, 1.0) for name in ("vineppo_4", "vineppo_16")),
        ("rloo_anchor_lto", 2.0),
    ],
)
def test_the_expected_gradient_is_exact(name: str, scale: float, size: int) -> None:
    error, found = exact_scale(name, size)
    assert_close(torch.tensor([error, found]).double(), torch.tensor([0.0, scale]).double())


def test_a_mean_at_an_anchor_with_the_own_return_is_biased() -> None:
    assert exact_scale("group_gae", 2)[0] > 1e-3


def cosine(name: str, drawn: Sample) -> float:
    """The cosine of the mean gradient with the true one, its norm debiased by the noise."""
    gradients = drawn.gradients(audited(name).credit(drawn)).flatten(1)
    mean, true = gradients.mean(0), drawn.oracle.gradient[0].flatten()
    noise = (gradients - mean).square().sum() / (len(gradients) - 1) / len(gradients)
    return float(mean @ true / true.norm() / (mean @ mean - noise).sqrt())


def ratio(name: str, drawn: Sample) -> float:
    """The squared mean gradient, debiased, over the variance of a group's."""
    gradients = drawn.gradients(audited(name).credit(drawn)).flatten(1)
    mean = gradients.mean(0)
    total = (gradients - mean).square().sum() / (len(gradients) - 1)
    return float((mean @ mean) / total - 1 / len(gradients))


def test_information_gain_is_a_strong_signal_of_nearly_the_right_direction() -> None:
    drawn = sample(search(), perturbed(search()), groups=1000)
    assert ratio("igpo_turn_group", drawn) > 5 * ratio("grpo", drawn)  # measured 15
    assert ratio("igpo_raw", drawn) > 1.3 * ratio("grpo", drawn)  # measured 2
    assert 0.95 < cosine("igpo_turn_group", drawn) < 0.999  # measured .987
    assert cosine("igpo_pooled", drawn) > 0.99


def test_a_sum_of_process_rewards_is_strong_and_wrong() -> None:
    task = reasoning()
    drawn = sample(task, task.uniform(), groups=1000)
    assert ratio("prm_sum", drawn) > 5 * ratio("grpo", drawn)  # measured 10
    assert cosine("prm_sum", drawn) < 0.65  # measured .47
    assert 0.65 < cosine("pure_soft_min", drawn) < 0.97  # measured .88
    assert cosine("pure_hard_min", drawn) > 0.85  # measured .99


def test_more_rollouts_give_a_stronger_signal() -> None:
    drawn = sample(recovery(), perturbed(recovery()), groups=300)
    names = ("rloo", "vineppo_4", "vineppo_16", "oracle")
    values = [ratio(name, drawn) for name in names]
    assert values == sorted(values)
    assert BatchTensors(drawn)["simulated_value_4"].max() == 1
