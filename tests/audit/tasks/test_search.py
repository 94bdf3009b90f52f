"""search: sizes, posteriors and gains by hand."""

import math

import pytest
import torch

import creditlib as cl
from creditlib.audit import every_group, oracle, perturbed, sample
from creditlib.audit.references import gae_exact_0
from creditlib.audit.subject import audited
from creditlib.audit.tasks import search
from creditlib.audit.tensors import BatchTensors
from creditlib.testing.tolerances import assert_close


def states_of(bits: int, q: int) -> int:
    """Σ_turn Σ_{i <= min(turn, bits)} C(bits, i): the sets of bits that `turn` queries can tell."""
    return sum(math.comb(bits, i) for turn in range(q + 1) for i in range(min(turn, bits) + 1))


@pytest.mark.parametrize(("sizes", "states"), [((4, 8, 5), 64), ((6, 24, 8), 384)])
def test_sizes(sizes: tuple[int, int, int], states: int) -> None:
    task = search(*sizes)
    bits, tools, q = sizes
    assert len(task.states) == states_of(bits, q) == states
    assert (task.turns, task.actions) == (q + 1, tools)


def test_the_success_probability_of_one_bit_by_hand() -> None:
    # Two tools, one tells the bit. After two uniform queries it is unknown with probability 1/4.
    # Right: 3/4 · 1 + 1/4 · 1/2 = 7/8.
    task = search(bits=1, tools=2, q=2)
    assert_close(oracle(task, task.uniform()).success, torch.tensor(0.875))


def test_the_dead_groups_of_the_large_task() -> None:
    # The share of groups of 8 without a success, (1 − p)^8, and with nothing else, p^8.
    task = search(6, 24, 8)
    p = float(oracle(task, task.uniform()).success)
    assert round((1 - p) ** 8 + p**8, 2) == 0.57


def test_gains_and_posteriors_by_hand() -> None:
    # bits 1, tools 2, q 2: p(gold) is 1/2 until tool 0 is used, and then 1.
    task = search(bits=1, tools=2, q=2)
    groups = every_group(task, task.uniform(), 2)
    batch = BatchTensors(groups)
    gains = {
        tuple(action[:2]): tuple(gain)
        for action, gain in zip(
            groups.action.tolist(), batch["information_gain"].tolist(), strict=True
        )
    }
    assert gains == {
        (0, 0): (0.5, 0, 0),
        (0, 1): (0.5, 0, 0),
        (1, 0): (0, 0.5, 0),
        (1, 1): (0, 0, 0),
    }
    first = groups.action[:, :2].tolist().index([1, 0])
    assert_close(batch["gold_log_prob"][first].exp(), torch.tensor([0.5, 0.5, 1.0]))
    assert set(batch["boundary"].tolist()) == {1}


def test_the_gain_is_what_the_library_makes_of_the_posteriors() -> None:
    task = search(search_stop=True)
    batch = BatchTensors(sample(task, perturbed(task), groups=10))
    made = cl.information_gain(gold_log_prob=batch["gold_log_prob"], turn_count=batch["turn_count"])
    last = torch.arange(task.turns) == batch["turn_count"][:, None] - 1
    assert_close(torch.where(last, 0, made), batch["information_gain"])


def test_a_hint_lifts_the_measured_posterior_and_not_the_success() -> None:
    plain, hinted = search(), search(hint=0.1)
    assert torch.equal(plain.probability, hinted.probability)
    more = hinted.signals["information_gain"] - plain.signals["information_gain"]
    asked = plain.turn < 5
    assert_close(more[asked, 7, 0], torch.full_like(more[asked, 7, 0], 0.1))
    assert not more[:, :7].any()


def test_search_stop_answers_at_once() -> None:
    task = search(bits=1, tools=2, q=2, search_stop=True)
    assert task.actions == 3
    assert task.next[0, 2].tolist() == [-1, -1]
    assert_close(task.probability[0, 2], torch.tensor([0.5, 0.5]))


def test_the_answer_is_no_choice() -> None:
    # The luck of the answer is credit of a turn without a score: lambda 0 is as good as the oracle.
    task = search()
    drawn = sample(task, perturbed(task), groups=20)
    credit = audited(gae_exact_0).credit(drawn)
    assert not torch.equal(credit, drawn.advantage)
    assert_close(drawn.gradients(credit), drawn.gradients(drawn.advantage))


def test_too_few_tools_are_refused() -> None:
    with pytest.raises(cl.ContractError, match=r"search: `tools` .* got 4 tools for 4 bits"):
        search(bits=4, tools=4, hint=0.1)
