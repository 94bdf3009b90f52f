import torch

from creditlib.testing.values import Reader, shaped
from creditlib.word import Word


def reader(kind, word=None, palette=(0.0, 1.5, -2.5), dtype=torch.float32, fill=0.0):
    return Reader(kind, word, palette, dtype, fill)


def test_a_float_is_picked_from_the_palette_and_moved_into_the_range():
    assert [reader("float")(byte) for byte in range(4)] == [0.0, 1.5, -2.5, 0.0]
    assert [reader("float", Word("seconds", low=0))(byte) for byte in range(3)] == [0.0, 1.5, 2.5]
    assert [reader("float", Word("log p", high=0))(byte) for byte in range(3)] == [0.0, -1.5, -2.5]
    share = reader("float", Word("share", low=0, high=1))
    assert [share(byte) for byte in range(3)] == [0.0, 0.5, 0.5]  # 1.5 and 2.5 modulo 1


def test_an_integer_lies_in_its_range_and_is_0_for_the_byte_0():
    anything, count = reader("int"), reader("int", Word("jobs", low=0))
    assert {anything(byte) for byte in range(256)} == {-1, 0, 1, 2, 3}
    assert {count(byte) for byte in range(256)} == {0, 1, 2, 3, 4}
    assert (anything(0), count(0)) == (0, 0)
    die = reader("int", Word("a die", low=1, high=6))
    assert {die(byte) for byte in range(256)} == set(range(1, 7))


def test_a_flag_is_down_for_the_byte_0():
    assert [reader("bool")(byte) for byte in (0, 1, 2)] == [False, True, False]


def test_nothing_is_the_fill_of_a_float_and_neutral_for_the_rest():
    assert reader("float", fill=7.0).nothing == 7.0
    assert (reader("int", fill=7.0).nothing, reader("bool", fill=7.0).nothing) == (0, False)


def test_tensors_have_the_dtype_of_their_kind_and_keep_their_width_when_empty():
    assert reader("float", dtype=torch.float64).tensor([1.0]).dtype == torch.float64
    assert reader("int").tensor([[1, 2]], 2).tolist() == [[1, 2]]
    assert shaped([], 3, torch.bool).shape == (0, 3)
    assert shaped([], None, torch.bool).shape == (0,)
