import struct
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.inputs.key_columns import encoded_column, hashable_column

encode = sys.modules["creditlib.inputs.ids"]._encode  # one key of any kind: the definition

PLAIN = [
    st.text(),
    st.text("\0sa\ud800ä", max_size=4),  # also what cuts texts, and halves of characters
    st.binary(max_size=4),
    st.integers(),
    st.integers(-2, 2),
    st.floats(),
    st.sampled_from([0.0, -0.0, 1.0]),
    st.booleans(),
]
ROWS = st.lists(st.sampled_from(PLAIN), max_size=3).map(lambda places: st.tuples(*places))
COLUMN = (st.sampled_from(PLAIN) | ROWS).flatmap(lambda key: st.lists(key, min_size=1, max_size=6))
LISTS = ROWS.flatmap(lambda key: st.lists(key.map(list), min_size=1, max_size=6))
ANYTHING = st.lists(st.one_of(*PLAIN) | st.tuples(st.one_of(*PLAIN)) | st.lists(st.one_of(*PLAIN)))


def test_a_tuple_by_hand():
    """The tag, then each item with its length in eight bytes: 'sab' has 3, 'i7' has 2."""
    by_hand = b"(" + struct.pack(">Q", 3) + b"sab" + struct.pack(">Q", 2) + b"i7"
    assert encoded_column([("ab", 7), ("", 10)])[0] == by_hand
    assert encoded_column([["ab", 7]]) == [b"[" + by_hand[1:]]
    assert encoded_column([(), ()]) == [b"(", b"("]


def test_texts_that_hold_what_separates_texts_are_not_cut():
    assert encoded_column(["a\0sb", "c"]) == [b"sa\0sb", b"sc"]
    assert encoded_column(["", "\0"]) == [b"s", b"s\0"]
    assert encoded_column(["", ""]) == [b"s", b"s"]


@given(COLUMN | LISTS)
def test_a_column_has_the_bytes_of_its_keys_one_by_one(keys):
    assert encoded_column(keys) == [encode(key, "ids", "keys") for key in keys]


@given(ANYTHING)
def test_keys_of_several_kinds_have_the_same_bytes_or_none(keys):
    encoded = encoded_column(keys)
    assert encoded is None or encoded == [encode(key, "ids", "keys") for key in keys]


@given(ANYTHING | COLUMN | LISTS)
def test_what_is_looked_up_is_equal_only_for_one_key(keys):
    memos = hashable_column(keys)
    if memos is not None:
        for one, a in zip(memos, keys, strict=True):
            for other, b in zip(memos, keys, strict=True):
                if one == other:
                    assert encode(a, "ids", "keys") == encode(b, "ids", "keys")


@pytest.mark.parametrize(
    "keys", [[], [1, True], [(1,), (True,)], [(1,), (1, 2)], [(1, "a"), [1, "a"]], [((1,),)]]
)
def test_columns_of_several_kinds_are_left_to_the_definition(keys):
    assert encoded_column(keys) is None
    assert hashable_column(keys) is None


@given(ANYTHING | COLUMN | LISTS)
def test_an_id_in_a_long_list_is_that_of_the_key_alone(keys):
    """However keys are encoded together, an id is a function of its key."""
    here = [key for key in keys if key == key]
    assert cl.ids(here).tolist() == [cl.ids([key]).item() for key in here]
    assert cl.ids(here * 3).tolist() == cl.ids(here).tolist() * 3
