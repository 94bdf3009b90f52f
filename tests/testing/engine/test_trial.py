import pytest
import torch
from hypothesis.errors import UnsatisfiedAssumption
from jaxtyping import Float
from torch import Tensor

from creditlib.testing.engine.trial import BrokenError, Trial
from creditlib.testing.generate.strategies import BatchSource
from creditlib.testing.subject import subject_of
from creditlib.vocabulary import Offsets, Reward, Turn, TurnCount, TurnReward, Turns

BATCH = {"reward": torch.tensor([1.0, 2.0]), "group": torch.tensor([0, 0])}


def trial_of(function, **options):
    """A trial of which nothing is drawn."""
    subject = subject_of(function, options)
    return Trial(subject, BatchSource(subject), None)


def test_a_call_is_kept_with_what_came_back_and_cannot_change_the_batch():
    def zeroes(*, reward: Reward):
        return reward.zero_()

    trial = trial_of(zeroes)
    batch = {"reward": torch.tensor([3.0])}
    assert trial(batch)[0].tolist() == [0.0]
    assert batch["reward"].tolist() == [3.0]
    assert trial.calls[0].batch is batch


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")
def test_a_call_that_raises_tells_nothing_and_an_attempt_says_what():
    def raises(*, reward: Reward):
        raise RuntimeError("no")

    trial = trial_of(raises)
    assert trial.attempt({"reward": torch.ones(1)}) == "RuntimeError: no"
    with pytest.raises(UnsatisfiedAssumption):
        trial({"reward": torch.ones(1)})


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")
def test_a_result_of_another_shape_is_only_spoken_of_by_its_own_law():
    def table(*, reward: Reward):
        return reward[:, None] - reward

    trial = trial_of(table)
    with pytest.raises(UnsatisfiedAssumption):
        trial({"reward": torch.ones(3)})
    assert trial.fits({"reward": torch.ones(3)}, torch.ones(3))
    assert trial.fits({"reward": torch.ones(3)}, torch.tensor(1.0))
    assert not trial.fits({"reward": torch.ones(3)}, torch.ones(3, 3))


def test_sizes_are_read_off_the_batch():
    def turns(*, turn_reward: TurnReward, turn_count: TurnCount, turns: Turns):
        return turn_reward, turn_count, turns

    trial = trial_of(turns)
    batch = {"turn_reward": torch.zeros(2, 3), "turn_count": torch.tensor([1, 3])}
    assert trial.options(batch) == {"turns": 3}
    assert trial.rows(batch) == 2
    assert trial.second_axis(batch, "turn_reward") == "turn"
    assert trial.second_axis(batch, "turn_count") == ""


def test_rows_of_a_packed_batch_are_counted_by_its_offsets():
    def packed(*, turn: Turn, offsets: Offsets):
        return turn, offsets

    batch = {"turn": torch.tensor([0, 0, 1]), "offsets": torch.tensor([0, 1, 3])}
    assert trial_of(packed).rows(batch) == 2


def test_what_belongs_to_no_trajectory_is_not_selected():
    def with_table(*, reward: Reward, table: Float[Tensor, "kind"]):
        return reward, table

    batch = {"reward": torch.tensor([1.0, 2.0]), "table": torch.zeros(4)}
    chosen = trial_of(with_table).select(batch, torch.tensor([1]))
    assert (chosen["reward"].tolist(), len(chosen["table"])) == ([2.0], 4)


def test_what_differs_breaks_and_rounding_does_not():
    trial = trial_of("rloo")
    one = (torch.tensor([1.0]),)
    trial.must_agree(one, (torch.tensor([1.000001]),), "s")
    trial.must_equal(one, (torch.tensor([1.0]),), "s")
    for check, other in (
        (trial.must_agree, (torch.tensor([1.1]),)),
        (trial.must_agree, (torch.tensor([1.0, 1.0]),)),
        (trial.must_agree, (*one, *one)),
        (trial.must_equal, (torch.tensor([1.000001]),)),
        (trial.must_equal, (*one, *one)),
    ):
        with pytest.raises(BrokenError, match=r"^s$"):
            check(one, other, "s")


def test_what_is_broken_is_shown_by_the_last_calls():
    trial = trial_of("rloo")
    for _ in range(4):
        trial(BATCH)
    with pytest.raises(BrokenError) as caught:
        trial.broken("words")
    assert (caught.value.sentence, len(caught.value.calls)) == ("words", 2)
    with pytest.raises(BrokenError) as caught:
        trial.broken("words", calls=3)
    assert len(caught.value.calls) == 3
