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


def test_values_of_samples_are_read_up_to_the_last_turn():
    """Two samples of three turns, of which one exists: its order, and two values."""
    given = {"turn_count": torch.tensor([1]), "valid": torch.tensor([True])}
    axes = ["batch", "sample", "turn"]
    order = read_values("join_order", torch.zeros(1, 2, 3), axes, given)
    assert order.tolist() == [[[True, False, False]] * 2]
    value = read_values("coalition_value", torch.zeros(1, 2, 4), axes, given)
    assert value.tolist() == [[[True, True, False, False]] * 2]
    assert not read_values("join_order", order, axes, {**given, "valid": ~given["valid"]}).any()
