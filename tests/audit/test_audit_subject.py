"""What may be audited, what it is given, and its credit of turns by hand."""

import functools
from typing import Any

import pytest
import torch
from torch import Tensor

import creditlib as cl
from creditlib.audit import Sample, every_group, perturbed, sample
from creditlib.audit.subject import audited, by_turn
from creditlib.audit.tasks import reasoning, recovery, rooms
from creditlib.audit.tensors import BatchTensors, first_token
from creditlib.testing.tolerances import assert_close


@pytest.fixture(scope="module")
def drawn() -> Sample:
    return sample(rooms(), perturbed(rooms()), groups=4)


def half(reward: Any, group: Any) -> Any:  # an estimator without annotations of tensors
    """Half the reward."""
    return reward / 2


def earned(turn_reward: Tensor) -> Tensor:
    """What each turn earned."""
    return turn_reward


def ones(reward: Tensor) -> Tensor:
    """The same credit for all."""
    return torch.ones_like(reward)


def number(reward: Tensor) -> Any:
    """No tensor."""
    return len(reward)


class Scaled(torch.nn.Module):
    """An estimator with a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor(2.0))

    def forward(self, turn_reward: Tensor, turn_count: Tensor) -> tuple[Tensor, Tensor]:
        return self.factor * turn_reward, turn_count


def test_what_may_be_audited(drawn: Sample) -> None:
    reward = BatchTensors(drawn)["reward"][:, None]
    assert_close(audited(half).credit(drawn), torch.where(drawn.real, reward / 2, 0))
    assert_close(audited(Scaled()).credit(drawn), 2 * BatchTensors(drawn)["turn_reward"])
    named = audited("rloo").credit(drawn)
    assert_close(audited("creditlib.estimators.trajectory.rloo:rloo").credit(drawn), named)
    assert_close(audited(cl.rloo).credit(drawn), named)
    assert_close(
        audited(functools.partial(cl.grpo, scale=None, center="leave_one_out")).credit(drawn),
        named,
    )
    assert audited(audited("rloo")).name == "rloo"


def test_an_estimator_is_given_what_it_names_and_no_more() -> None:
    assert audited(half).needs == ("reward", "group")
    assert audited("grpo_process").needs == ("turn_reward", "group", "turn_count")
    more = audited("grpo_process", also=("anchor",), over="anchor")
    assert more.needs == ("turn_reward", "group", "turn_count", "anchor")
    assert audited("outcome_at_last_turn").axes == {"turns": "turn"}


def test_a_stranger_asks_for_a_tensor_that_no_task_has(drawn: Sample) -> None:
    def stranger(reward: Tensor, mood: Tensor) -> Tensor:
        return reward * mood

    subject = audited(stranger)
    assert subject.missing(rooms()) == ["mood"]
    message = "audit: `task` must be a batch with the tensors of stranger, got one without `mood`"
    with pytest.raises(cl.ContractError, match=message):
        subject.credit(drawn)


def test_a_stochastic_estimator_gets_a_seeded_generator(drawn: Sample) -> None:
    def noisy(reward: Tensor, generator: torch.Generator) -> Tensor:
        return reward + torch.rand(reward.shape, generator=generator)

    subject = audited(noisy)
    assert subject.stochastic
    assert subject.needs == ("reward",)
    assert torch.equal(subject.credit(drawn), subject.credit(drawn))
    other = subject.credit(drawn, torch.Generator().manual_seed(1))
    assert not torch.equal(subject.credit(drawn), other)
    assert not audited("rloo").stochastic


def test_results_of_all_levels(drawn: Sample) -> None:
    rows, turns = drawn.state.shape
    tokens = BatchTensors(drawn)["turn"].shape[1]
    first = torch.arange(tokens)[first_token(turns)]
    assert by_turn(torch.ones(rows), drawn).shape == (rows, turns)
    assert torch.equal(by_turn(torch.arange(tokens).expand(rows, -1), drawn)[0], first)
    with pytest.raises(cl.ContractError, match=r"got a result of shape \[3\]"):
        by_turn(torch.ones(3), drawn)
    with pytest.raises(cl.ContractError, match="returns a tensor, or a tuple of tensors, got int"):
        audited(number).credit(drawn)


def test_the_credit_after_the_end_is_0(drawn: Sample) -> None:
    credit = audited(ones).credit(drawn)
    assert torch.equal(credit, drawn.real.double())


def test_a_weight_multiplies_the_credit_of_what_it_is_on(drawn: Sample) -> None:
    weight = cl.entropy_weight(
        turn_entropy=BatchTensors(drawn)["turn_entropy"],
        turn_count=drawn.turn_count,
    )
    base = audited("gigpo", gamma=1.0)
    assert_close(audited("entropy_weight", on=base).credit(drawn), weight * base.credit(drawn))


def test_a_weight_that_reads_credit_gets_that_of_what_it_is_on() -> None:
    drawn = sample(recovery(), perturbed(recovery()), groups=4)
    batch = BatchTensors(drawn)
    base = cl.rloo(reward=batch["reward"], group=batch["group"])
    weight = cl.grae_weight(credit=base, solved=batch["solved"], group=batch["group"])
    subject = audited("grae_weight", on="rloo")
    assert_close(subject.credit(drawn), (weight * base)[:, None].expand(-1, 4))
    assert subject.missing(recovery()) == []


def test_a_mask_of_tokens_counts_at_the_first_token() -> None:
    # Of each trajectory half of the tokens are kept, those of the largest entropy.
    drawn = sample(recovery(), perturbed(recovery()), groups=4)
    batch = BatchTensors(drawn)
    kept = cl.top_fraction(token_score=batch["token_score"], turn=batch["turn"], fraction=0.3)
    expected = kept[:, first_token(4)] * audited("grpo").credit(drawn)
    assert_close(audited("top_fraction", fraction=0.3).credit(drawn), expected)


def test_a_shaper_adds_to_the_reward_of_what_it_is_on(drawn: Sample) -> None:
    batch = BatchTensors(drawn)
    paid = cl.record_progress(progress=batch["progress"], turn_count=batch["turn_count"])
    expected = cl.grpo(reward=batch["reward"] + paid.sum(1), group=batch["group"])
    credit = audited("record_progress").credit(drawn)
    assert_close(credit, torch.where(drawn.real, expected[:, None], 0))


def test_a_shaper_of_trajectories_is_earned_at_the_last_turn(drawn: Sample) -> None:
    batch = BatchTensors(drawn)
    fine = cl.overlong_penalty(length=batch["length"], limit=20, buffer=10)
    last = torch.arange(20) == batch["turn_count"][:, None] - 1
    reward = batch["turn_reward"] + torch.where(last, fine[:, None], 0)
    subject = audited("overlong_penalty", limit=20, buffer=10, on=earned)
    assert_close(subject.credit(drawn), reward)


def test_a_shaper_replaces_or_adds() -> None:
    drawn = sample(rooms(), perturbed(rooms()), groups=2)
    batch = BatchTensors(drawn)
    shared = cl.redistribute(
        reward=batch["reward"], share=batch["share"], turn_count=batch["turn_count"]
    )
    assert_close(audited("redistribute", on=earned).credit(drawn), shared)
    added = audited("redistribute", on=earned, replaces=False).credit(drawn)
    assert_close(added, batch["turn_reward"] + shared)


def test_a_shaper_reaches_rewards_of_tokens() -> None:
    # The sum of the rewards of tokens is the return: the outcome, and 1 for all progress.
    drawn = sample(rooms(n=2, actions=2, turns=3), torch.zeros(2, 2), groups=2)
    batch = BatchTensors(drawn)
    subject = audited("record_progress", per_unit=0.5, on=audited("discounted_return", gamma=1.0))
    both = batch["reward"] + batch["progress_record"].sum(1)
    assert_close(subject.credit(drawn)[:, 0], both)


def test_refusals_are_one_sentence() -> None:
    for make, message in (
        (lambda: audited("gae"), "got gae without `gamma`, `lam`; pass gamma=…, lam=…."),
        (
            lambda: audited("grpo", gama=1.0),
            "grpo: `gama` must be one of its arguments, got 1.0; it has `reward`, `group`",
        ),
        (lambda: audited("effective_sample_size"), "got effective_sample_size, a statistic"),
        (lambda: audited("entropy_weight", on="record_progress"), "which is none itself"),
        (lambda: audited("record_progress", on="pure"), "an estimator that reads a reward"),
        (lambda: audited("grpoo"), "did you mean"),
    ):
        with pytest.raises(cl.ContractError, match=message):
            make()


def test_missing_names_what_a_task_lacks() -> None:
    assert audited("pure").missing(reasoning()) == []
    assert audited("pure").missing(rooms()) == ["process_reward"]
    assert audited("duration_weight", on="pure").missing(rooms()) == ["duration", "process_reward"]
    assert audited("delta_weight").missing(rooms()) == []


def test_credit_of_an_enumeration() -> None:
    groups = every_group(recovery(1), torch.zeros(5, 2), 2)
    credit = audited("rloo").credit(groups)
    gradient = (groups.gradients(credit) * groups.weight[::2, None, None]).sum(0)  # type: ignore[index]
    assert_close(gradient, groups.oracle.gradient[0])
