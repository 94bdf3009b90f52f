"""The tokens of a turn by hand: one that decides, and up to three that are certain."""

import torch

from creditlib.audit import Sample, perturbed, sample
from creditlib.audit.tasks import recovery, search
from creditlib.audit.tensors import BatchTensors, first_token, tokens_of
from creditlib.testing.tolerances import assert_close


def uniform() -> tuple[Sample, BatchTensors]:
    task = recovery(distractors=0)
    drawn = sample(task, torch.zeros(3, 2), groups=4, size=2)
    return drawn, BatchTensors(drawn)


def test_the_layout_by_hand() -> None:
    # Turn 0 is observation 0, so action 0 has 1 token and action 1 has 2; a token of the
    # environment precedes each turn, and four places are kept for each.
    drawn, batch = uniform()
    for action, count in ((0, 1), (1, 2)):
        row = int((drawn.action[:, 0] == action).nonzero()[0])
        assert batch["turn_length"][row, 0] == count
        assert batch["turn"][row, :5].tolist() == [-1] + [0] * count + [-1] * (4 - count)
    assert torch.equal(batch["length"], (batch["turn"] >= 0).sum(1))


def test_the_first_token_has_the_chance_of_the_action_and_the_others_are_certain() -> None:
    _, batch = uniform()
    first = batch["log_prob"][:, first_token(2)]
    assert_close(first, torch.full((8, 2), 0.5).double().log())
    assert_close(batch["log_prob"].sum(1), first.sum(1))
    # Energy of a choice of two: 1 − 2 · 1/2 + 2 · 1/4 = 1/2. Entropy: log 2.
    assert_close(batch["energy"].sum(1), torch.ones(8).double())
    assert_close(batch["token_score"].sum(1), 2 * torch.tensor(2.0).double().log().expand(8))
    assert torch.equal(batch["old_log_prob"], batch["log_prob"])


def test_rewards_stand_at_the_last_token_of_a_turn() -> None:
    drawn, batch = uniform()
    assert_close(batch["token_reward"].sum(1), batch["reward"])
    row = int((drawn.action[:, 0] == 0).nonzero()[0])  # solved
    length = int(batch["turn_length"][row, 1])
    assert batch["token_reward"][row].nonzero().tolist() == [[5 + length]]


def test_the_value_is_v_before_the_choice_and_q_after_it() -> None:
    drawn, batch = uniform()
    row = int((drawn.action[:, 0] == 1).nonzero()[0])
    # V is 3/4; after the wrong action, of two tokens, it is 1/2.
    assert batch["value"][row, 1:3].tolist() == [0.75, 0.5]


def test_the_teacher_is_the_policy_times_the_exponential_of_the_advantage() -> None:
    drawn, batch = uniform()
    row = int((drawn.action[:, 0] == 0).nonzero()[0])
    # Advantages are 1/4 and −1/4: e^.25 / (e^.25 + e^-.25) = 1 / (1 + e^-.5).
    chance = torch.tensor(-0.5).double().exp()
    assert_close(batch["teacher_log_prob"][row, 1], -(1 + chance).log())


def test_words_and_hidden_states() -> None:
    drawn, batch = uniform()
    row = int((drawn.action[:, 0] == 1).nonzero()[0])
    assert batch["token_ids"][row, :5].tolist() == [0, 5, 6, 0, 0]  # 1 + action · 4 + place
    assert batch["hidden"][row, 1].tolist() == [1, 0, 0]
    assert not batch["hidden"][row, 2].any()


def test_a_forced_turn_is_certain() -> None:
    task = search()
    batch = BatchTensors(sample(task, perturbed(task), groups=2))
    answer = batch["log_prob"][:, first_token(6)][:, 5]
    assert_close(answer, torch.zeros(16).double())
    assert not batch["turn_entropy"][:, 5].any()


def test_numbers_of_turns_as_tokens() -> None:
    drawn, _ = uniform()
    ones = torch.ones(8, 2)
    spread = tokens_of(drawn, 2 * ones, ones, 10 * ones)
    count = (drawn.observation + drawn.action) % 4 + 1
    assert_close(spread.sum(1), (12 + count - 1).sum(1).float())
