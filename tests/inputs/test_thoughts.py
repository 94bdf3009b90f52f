"""Thoughts by hand: runs of labels, padding, packed tokens, and refusals."""

import torch

import creditlib as cl
from creditlib.inputs.layouts import thoughts

T = torch.tensor


def test_by_hand():
    """Labels 1 1 0 1: three thoughts; turn 1 is the second turn of the first."""
    label, turn = T([[1, 1, 0, 1]]), T([[-1, 0, 1, 1, -1, 2, 3, -1]])
    found, count = thoughts(label, T([4]), turn)
    assert found.tolist() == [[-1, 0, 0, 0, -1, 1, 2, -1]]
    assert count.tolist() == [3]


def test_labels_past_the_end_and_rows_without_turns():
    label = T([[5, 6, 6], [5, 5, 5], [1, 2, 3]])
    turn = T([[0, 1, 1], [-1, -1, 0], [0, 1, 2]])
    found, count = thoughts(label, T([2, 0, 3]), turn)
    assert found.tolist() == [[0, 1, 1], [-1, -1, -1], [0, 1, 2]]
    assert count.tolist() == [2, 0, 3]


def test_packed_thoughts_are_padded_ones():
    label, count = T([[1, 1, 0], [2, 3, 3]]), T([3, 2])
    turn = T([[0, 1, -1, 2], [0, 1, -1, -1]])
    present = T([[True] * 4, [True, True, False, False]])
    packed, offsets = cl.layouts.pack(turn, present=present)
    padded = thoughts(label, count, turn)
    found = thoughts(label, count, packed, offsets=offsets)
    assert torch.equal(found[0], cl.layouts.pack(padded[0], present=present)[0])
    assert torch.equal(found[1], padded[1])


def test_rewards_of_thoughts_reach_the_tokens():
    """Sums over thoughts, and back: both functions take the map as that of turns."""
    thought, count = thoughts(T([[1, 1, 0]]), T([3]), T([[0, 1, 2, 2]]))
    total = cl.turn_sum(T([[1.0, 2.0, 3.0, 4.0]]), thought, int(count.max()))
    assert total.tolist() == [[3, 7]]
    assert cl.to_tokens(total, thought).tolist() == [[3, 3, 7, 7]]


def test_no_rows_no_turns_no_tokens():
    empty = torch.zeros(0, 3, dtype=torch.int64)
    assert thoughts(empty, empty[:, 0], empty)[0].shape == (0, 3)
    none = torch.zeros(2, 0, dtype=torch.int64)
    found, count = thoughts(none, T([0, 0]), T([[0, -1], [-1, -1]]))
    assert found.tolist() == [[-1, -1], [-1, -1]]
    assert count.tolist() == [0, 0]


def test_the_layout_is_asked_for(refusal):
    sentence = refusal(thoughts, T([[1]]), T([1]), T([0]))
    assert sentence == "thoughts: `turn` must be int[batch token], got torch.int64 (1,)."
