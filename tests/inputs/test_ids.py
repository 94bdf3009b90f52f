import decimal
import json
import os
import subprocess
import sys
import uuid
from collections import OrderedDict

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl

module = sys.modules["creditlib.inputs.ids"]  # its name is that of the function
NAN = float("nan")


def same(a, b):
    one, other = cl.ids([a, b]).tolist()
    return one == other


DIFFERENT = {
    "1 and True": (1, True),
    "1 and 1.0": (1, 1.0),
    "1 and its text": (1, "1"),
    "0 and None inside": ((0,), (None,)),
    "text and bytes": ("a", b"a"),
    "float32 and float64": (np.zeros(2, np.float32), np.zeros(2, np.float64)),
    "the same bytes in two dtypes": (np.zeros(2, np.int64), np.zeros(2, np.float64)),
    "the same bytes in two tensors": (torch.zeros(2), torch.zeros(2, dtype=torch.int32)),
    "an integer and a float of numpy": (np.int64(1), np.float64(1)),
    "a flag and an integer of numpy": (np.bool_(True), np.int64(1)),
    "a rounded float": (np.float32(0.1), 0.1),
    "two shapes of zeros": (np.zeros((2, 3)), np.zeros((3, 2))),
    "a number and an array of it": (np.float64(1), np.array([1.0])),
    "list and tuple": ([1, 2], (1, 2)),
    "nested once more": ([1, 2], [[1, 2]]),
    "where the bracket is": (("a", ("b",)), (("a",), "b")),
    "texts cut elsewhere": (("ab", "c"), ("a", "bc")),
    "texts that look like the next one's tag": (("a", "sb"), ("as", "b")),
    "array and tensor": (np.zeros(2), torch.zeros(2, dtype=torch.float64)),
    "tensors of two shapes": (torch.zeros(2, 3), torch.zeros(3, 2)),
    "tensors of two dtypes": (torch.zeros(2), torch.zeros(2, dtype=torch.bfloat16)),
    "empty list and empty tuple": ([], ()),
    "empty arrays": (np.zeros((0, 2)), np.zeros((2, 0))),
    "dict values swapped": ({"a": 1, "b": 2}, {"a": 2, "b": 1}),
    "dict and its pairs": ({"a": 1}, [("a", 1)]),
    "set and list": ({1}, [1]),
    "NaN and 0 inside": ((NAN,), (0.0,)),
    "object arrays of other texts": (np.array(["a", 1], object), np.array(["a", 2], object)),
    "one bit of a float": (1.0, np.nextafter(1.0, 2.0).item()),
}
EQUAL = {
    "texts": ("task", "ta" + "sk"),
    "NaN inside": ((NAN,), (float("-nan"),)),
    "integers of every width": (7, np.int8(7)),
    "an integer of numpy": (7, np.int64(7)),
    "an unsigned integer of numpy": (7, np.uint16(7)),
    "an integer of torch": (7, torch.tensor(7)),
    "an integer in an array without axes": (7, np.array(7)),
    "a float of numpy": (0.5, np.float32(0.5)),
    "a float of torch": (0.5, torch.tensor(0.5)),
    "a flag of numpy": (True, np.bool_(True)),
    "a flag of torch": (True, torch.tensor(True)),
    "a text of numpy": ("a", np.str_("a")),
    "numbers inside": ((1, "a"), (np.int64(1), np.str_("a"))),
    "a UUID and its text": (uuid.UUID(int=5), str(uuid.UUID(int=5))),
    "NaN of another sign in arrays": (np.array([NAN]), -np.array([NAN])),
    "NaN in tensors": (torch.tensor([NAN]), -torch.tensor([NAN])),
    "NaN in half precision": (np.array([NAN], np.float16), -np.array([NAN], np.float16)),
    "both zeros": (0.0, -0.0),
    "both zeros in arrays": (np.array([0.0]), np.array([-0.0])),
    "both zeros as array scalars": (np.float32(0.0), np.float32(-0.0)),
    "both zeros in tensors": (torch.tensor([0.0]), torch.tensor([-0.0])),
    "order of a dict": ({"a": 1, "b": [2]}, {"b": [2], "a": 1}),
    "kind of dict": ({"a": 1}, OrderedDict(a=1)),
    "order and kind of a set": ({1, 2, 3}, frozenset([3, 2, 1])),
    "memory layout": (np.arange(6).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3))),
    "strides": (np.arange(3), np.arange(3).repeat(2)[::2]),
    "strides of tensors": (
        torch.arange(6).view(2, 3),
        torch.arange(6).view(2, 3).t().contiguous().t(),
    ),
    "tensor with gradient": (torch.zeros(2), torch.zeros(2, requires_grad=True)),
    "object arrays": (np.array(["a", None, 1], object), np.array(["a", None, 1], object)),
    "huge integers": (10**5000, 10**5000),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_keys_that_differ_have_different_ids(case):
    assert not same(*DIFFERENT[case])


@pytest.mark.parametrize("case", EQUAL)
def test_keys_that_are_equal_have_one_id(case):
    assert same(*EQUAL[case])


keys = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=8,
)


def kind(key):
    """A key in which Python's equality says what ids should say."""
    if isinstance(key, (list, tuple)):
        return type(key).__name__, tuple(kind(item) for item in key)
    if isinstance(key, dict):
        return "dict", tuple(sorted((name, kind(value)) for name, value in key.items()))
    return type(key).__name__, "nan" if key != key else key if key is not None else 0


@given(keys, keys)
def test_ids_agree_with_equality_of_value_and_type(a, b):
    """The keys lie in a tuple: alone, None and NaN are no keys."""
    assert same((a,), (a,))
    assert same((a,), (b,)) == (kind(a) == kind(b))


COLUMNS = {
    "a list": lambda xs: xs,
    "numpy integers": lambda xs: np.array(xs),
    "numpy objects": lambda xs: np.array(xs, dtype=object),
    "torch integers": torch.tensor,
    "a column of pandas": lambda xs: pytest.importorskip("pandas").Series(xs),
    "a column of JSON": lambda xs: json.loads(json.dumps(xs)),
}


@pytest.mark.parametrize("column", COLUMNS)
def test_the_ids_of_integers_do_not_depend_on_what_holds_them(column):
    """A rank that reads pandas and one that reads JSON agree on the groups."""
    assert cl.ids(COLUMNS[column]([3, 7, 3])).tolist() == cl.ids([3, 7, 3]).tolist()


@pytest.mark.parametrize(
    "missing",
    [None, NAN, np.float32(NAN), torch.tensor(NAN), np.datetime64("NaT"), decimal.Decimal("nan")],
    ids=repr,
)
def test_a_row_without_an_id_is_refused(missing, refusal):
    """Otherwise all rows without an id would be one group."""
    sentence = refusal(cl.ids, ["a", missing, "b"])
    assert sentence.startswith("ids: `keys` must be texts, numbers, UUIDs, arrays")
    if not isinstance(missing, decimal.Decimal):
        assert sentence.endswith("at place 1; give each key an id, or leave it out.")


def test_ids_are_integers_that_fit_an_anchor():
    result = cl.ids([f"task {i}" for i in range(100)])
    assert result.dtype == torch.int64
    assert bool((result >= 0).all())
    assert len(result.unique()) == 100


def test_no_keys_give_no_ids():
    assert cl.ids([]).shape == (0,)


def test_an_id_does_not_depend_on_its_neighbours():
    assert cl.ids(["a", "b", "c"])[1] == cl.ids(["b"])[0] == cl.ids(iter(["x", "b"]))[1]


PROGRAM = """
import numpy as np, creditlib as cl
keys = ["a", b"a", 1, -1.5, (None,), True, (1, "x"), {"b", "a", "c"}, {"k": 1, "j": [2]}, np.eye(2)]
print(cl.ids(keys).tolist())
print(cl.anchor_ids([["x y", "x z"], ["q", None]], similarity=0.6).tolist())
"""


def test_ids_are_the_same_in_every_process():
    """Python salts its own hashes per process; ranks must still agree."""
    printed = set()
    for seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", PROGRAM]
        run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        printed.add(run.stdout)
    assert len(printed) == 1


def test_an_id_is_part_of_the_interface():
    """Saved ids stay valid: this is blake2b of the tagged text, by hand."""
    from hashlib import blake2b

    digest = blake2b(b"s" + b"task-a", digest_size=8).digest()
    assert cl.ids(["task-a"]).tolist() == [int.from_bytes(digest, "big") >> 1]


def test_collisions_are_refused(monkeypatch, refusal):
    monkeypatch.setattr(module, "_numbers", lambda encoded: np.full(len(encoded), 5))
    assert cl.ids(["a", "a"]).tolist() == [5, 5]
    sentence = "`keys` must be free of hash collisions, got 'b'."
    assert refusal(cl.ids, ["a", "b"]) == f"ids: {sentence}"
    sentence = "`observations` must be free of hash collisions, got 'b'."
    assert refusal(cl.anchor_ids, [["a"], ["b"]]) == f"anchor_ids: {sentence}"


@pytest.mark.parametrize(
    "keys",
    [["hall", "attic"], [(1, 2), (2, 1)], [[1, "a"], [1, "b"]], [7, 8], [0.5, True], [b"a", ()]],
    ids=str,
)
def test_each_distinct_key_is_hashed_once(monkeypatch, keys):
    """The cost of rows that repeat is a look-up: twice the rows, the same number of hashes."""
    hashed = []
    real = module._numbers
    monkeypatch.setattr(module, "_numbers", lambda encoded: hashed.extend(encoded) or real(encoded))
    for times in (1, 500):
        cl.ids(keys * times)
        assert len(hashed) == 2
        hashed.clear()
    cl.anchor_ids([[*keys, "hall", "hall"]] * 40)
    assert len(hashed) == len({*map(repr, keys), "'hall'"})


def test_equal_keys_of_other_types_are_not_taken_for_each_other():
    """Python finds 1, 1.0 and True equal: what was met before is remembered with its types."""
    keys = [1, True, 1.0, (1,), (True,), (1.0,), [1], [True], (1, (1,)), (1, (True,)), "1", b"1"]
    assert cl.ids(keys * 2).unique().numel() == len(keys)
    assert cl.ids([0.0, -0.0, (0.0,), (-0.0,)]).unique().numel() == 2


WANTED = "texts, numbers, UUIDs, arrays, or tuples, lists, sets and dicts of them"


class Stranger:
    pass


STRANGERS = {
    "an object": (Stranger(), f"{Stranger.__module__}.Stranger"),
    "an object in a list": ([1, Stranger()], f"{Stranger.__module__}.Stranger"),
    "an object in an array": (np.array([Stranger()], object), f"{Stranger.__module__}.Stranger"),
    "a complex number": (1j, "complex"),
    "a long double": (np.longdouble(1), f"numpy.ndarray of {np.dtype(np.longdouble)}"),
    "a record": (np.zeros(1, [("a", "f8")]), "numpy.ndarray of [('a', '<f8')]"),
    "a sparse tensor": (torch.zeros(2).to_sparse(), "torch.sparse_coo"),
}


@pytest.mark.parametrize("case", STRANGERS)
def test_an_unknown_object_is_refused_in_one_sentence(case, refusal):
    key, name = STRANGERS[case]
    assert refusal(cl.ids, [key]) == f"ids: `keys` must be {WANTED}, got {name}."
    sentence = f"anchor_ids: `observations` must be {WANTED}, got {name}."
    assert refusal(cl.anchor_ids, [[key]]) == sentence


def test_one_text_is_not_a_list_of_keys(refusal):
    assert refusal(cl.ids, "task") == "ids: `keys` must be a list of keys, got str."
    assert refusal(cl.anchor_ids, ["hall", "attic"]) == (
        "anchor_ids: `observations` must be one list of observations for each trajectory, "
        "got a list of texts."
    )


def test_anchors_are_ids_with_minus_one_where_there_is_none():
    hall, attic = cl.ids(["hall", "attic"]).tolist()
    result = cl.anchor_ids([["hall", None, "attic"], ["attic"], []])
    assert result.tolist() == [[hall, -1, attic], [attic, -1, -1], [-1, -1, -1]]


def test_anchors_without_trajectories_and_without_turns():
    assert cl.anchor_ids([]).shape == (0, 0)
    assert cl.anchor_ids([[], []]).shape == (2, 0)


def test_anchors_of_arrays_and_of_an_array_per_trajectory():
    a, b = np.zeros((2, 3)), np.ones((2, 3))
    by_list = cl.anchor_ids([[a, b], [b]])
    assert by_list[0, 1] == by_list[1, 0] != by_list[0, 0]
    assert torch.equal(cl.anchor_ids(np.stack([np.stack([a, b])])), by_list[:1])


def test_similar_texts_share_an_anchor_inside_a_group_only():
    texts = [["red door 1"], ["red door 2"], ["red door 3"]]
    alone = cl.anchor_ids(texts, similarity=0.9).flatten().tolist()
    assert len(set(alone)) == 1
    grouped = cl.anchor_ids(texts, similarity=0.9, group=["p", "p", "q"]).flatten().tolist()
    assert grouped[0] == grouped[1] != grouped[2]
    as_tensor = cl.anchor_ids(texts, similarity=0.9, group=torch.tensor([4, 4, 5]))
    assert as_tensor.flatten().tolist() == grouped


def test_numpy_texts_are_texts():
    assert torch.equal(cl.ids(np.array(["a", "b"])), cl.ids(["a", "b"]))
    assert torch.equal(cl.ids([np.bytes_(b"a")]), cl.ids([b"a"]))


def test_keys_that_are_no_list_are_refused(refusal):
    assert refusal(cl.ids, 5) == "ids: `keys` must be a list of keys, got int."
