"""The term of a teacher by hand, its rows, and what is not read."""

import torch
from helpers import assert_same

import creditlib as cl

TURN = torch.tensor([[0, -1, 1], [-1, 0, 0]])
OWN = torch.tensor([[-1.0, torch.nan, -0.5], [torch.nan, -2.0, -0.25]])
TEACHER = torch.tensor([[-0.5, torch.nan, -0.75], [torch.nan, -1.0, -0.25]])
GIVEN = {"log_prob": OWN, "teacher_log_prob": TEACHER, "turn": TURN}


def test_by_hand():
    # −0.5 + 1, −0.75 + 0.5; −1 + 2, −0.25 + 0.25
    found = cl.distillation_credit(**GIVEN)
    assert found.tolist() == [[0.5, 0, -0.25], [0, 1, 0]]
    assert cl.distillation_credit(**GIVEN, coefficient=-2.0).tolist() == [
        [-1, 0, 0.5],
        [0, -2, 0],
    ]


def test_rows_that_are_not_taught_get_nothing_and_are_not_read():
    taught = torch.tensor([True, False])
    own = torch.where(taught[:, None], OWN, torch.nan)
    found = cl.distillation_credit(**{**GIVEN, "log_prob": own}, taught=taught)
    assert found.tolist() == [[0.5, 0, -0.25], [0, 0, 0]]


def test_packed_terms_are_padded_ones():
    offsets = torch.tensor([0, 3, 3, 6])
    taught = torch.tensor([False, True, True])
    packed = {name: x.reshape(-1) for name, x in GIVEN.items()}
    found = cl.distillation_credit(**packed, offsets=offsets, taught=taught)
    padded = cl.distillation_credit(**GIVEN, taught=taught[::2])
    assert_same(found, padded.reshape(-1))


def test_equal_policies_and_empty_batches():
    same = {**GIVEN, "teacher_log_prob": OWN}
    assert not cl.distillation_credit(**same).any()
    none = {name: x[:0] for name, x in GIVEN.items()}
    assert cl.distillation_credit(**none).shape == (0, 3)


def test_several_teachers_are_a_mean_of_their_terms():
    second = {**GIVEN, "teacher_log_prob": torch.full((2, 3), -1.0)}
    both = (cl.distillation_credit(**GIVEN) + cl.distillation_credit(**second)) / 2
    assert both.tolist() == [[0.25, 0, -0.375], [0, 1, -0.375]]


def test_what_a_turn_gained_in_the_eyes_of_a_teacher():
    """The evidence of a turn, for a method that compares turns: the sum of the term."""
    assert cl.turn_sum(cl.distillation_credit(**GIVEN), TURN, 2).tolist() == [[0.5, -0.25], [1, 0]]
