import torch

from creditlib.vocabulary.regions import existing_turns, in_valid_rows, read_values

VALID = {"valid": torch.tensor([True, False])}
COUNT = {"turn_count": torch.tensor([2, 1])}


def test_rows_that_are_left_out_are_not_read():
    assert in_valid_rows(torch.zeros(2), VALID).tolist() == [True, False]
    assert in_valid_rows(torch.zeros(2, 2), VALID).tolist() == [[True, True], [False, False]]
    assert in_valid_rows(torch.zeros(2), {"valid": None}).all()


def test_turns_past_the_count_are_not_read():
    assert existing_turns(COUNT["turn_count"], 3).tolist() == [
        [True, True, False],
        [True, False, False],
    ]
    table = torch.zeros(2, 2)
    axes = ["batch", "turn"]
    assert read_values("turn_reward", table, axes, COUNT).tolist() == [[True, True], [True, False]]
    both = read_values("turn_reward", table, axes, {**COUNT, **VALID})
    assert both.tolist() == [[True, True], [False, False]]
    assert read_values("rewards", table, ["batch", "objective"], COUNT).all()


def test_the_gain_of_the_last_turn_is_not_read():
    found = read_values("information_gain", torch.zeros(2, 2), ["batch", "turn"], COUNT)
    assert found.tolist() == [[True, False], [False, False]]
