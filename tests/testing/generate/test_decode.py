import torch

from creditlib.testing.generate.decode import ValueDecoder, shaped
from creditlib.vocabulary.argument_spec import ArgumentSpec


def decoder(kind, spec=None, values=(0.0, 1.5, -2.5), dtype=torch.float32, fill=0.0):
    return ValueDecoder(kind, spec, values, dtype, fill)


def test_a_float_is_picked_from_the_values_and_moved_into_the_range():
    assert [decoder("float")(byte) for byte in range(4)] == [0.0, 1.5, -2.5, 0.0]
    assert [decoder("float", ArgumentSpec("seconds", low=0))(byte) for byte in range(3)] == [
        0.0,
        1.5,
        2.5,
    ]
    assert [decoder("float", ArgumentSpec("log p", high=0))(byte) for byte in range(3)] == [
        0.0,
        -1.5,
        -2.5,
    ]
    share = decoder("float", ArgumentSpec("share", low=0, high=1))
    assert [share(byte) for byte in range(3)] == [0.0, 0.5, 0.5]  # 1.5 and 2.5 modulo 1


def test_an_integer_lies_in_its_range_and_is_0_for_the_byte_0():
    anything, count = decoder("int"), decoder("int", ArgumentSpec("jobs", low=0))
    assert {anything(byte) for byte in range(256)} == {-1, 0, 1, 2, 3}
    assert {count(byte) for byte in range(256)} == {0, 1, 2, 3, 4}
    assert (anything(0), count(0)) == (0, 0)
    die = decoder("int", ArgumentSpec("a die", low=1, high=6))
    assert {die(byte) for byte in range(256)} == set(range(1, 7))


def test_a_flag_is_down_for_the_byte_0():
    assert [decoder("bool")(byte) for byte in (0, 1, 2)] == [False, True, False]


def test_padding_is_the_fill_of_a_float_and_neutral_for_the_rest():
    assert decoder("float", fill=7.0).fill == 7.0
    assert (decoder("int", fill=7.0).fill, decoder("bool", fill=7.0).fill) == (0, False)


def test_tensors_have_the_dtype_of_their_kind_and_keep_their_width_when_empty():
    assert decoder("float", dtype=torch.float64).tensor([1.0]).dtype == torch.float64
    assert decoder("int").tensor([[1, 2]], 2).tolist() == [[1, 2]]
    assert shaped([], 3, torch.bool).shape == (0, 3)
    assert shaped([], None, torch.bool).shape == (0,)
