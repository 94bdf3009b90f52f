import pyarrow
import pytest

from creditlib.inputs.ids import ids
from creditlib.rollouts.arrow_values import UnknownFormError
from creditlib.rollouts.crediting.names import (
    column_names,
    fits_int64,
    group_ids,
    labels_of,
    name_ids,
)


def test_names_have_the_ids_of_the_library():
    kind, found, check = column_names(pyarrow.array(["b", "a", "b"]), True)
    assert kind == "text"
    assert found.tolist() == ids(["b", "a", "b"]).tolist()
    assert check[0] == check[2] != check[1]
    kind, found, _ = column_names(pyarrow.array([4, None], pyarrow.int32()), False)
    assert (kind, found.tolist()) == ("integer", [ids([4]).item(), -1])
    for wrong in (pyarrow.array(["a", None]), pyarrow.array([1.5])):
        with pytest.raises(UnknownFormError):
            column_names(wrong, True)


def test_names_of_rows_have_two_hashes():
    id, check = group_ids([7, "7"])
    assert len({*id.tolist(), *check.tolist()}) == 4
    assert group_ids([7])[0].tolist() == id[:1].tolist()
    assert name_ids(["a", None]).tolist()[1] == -1
    assert not fits_int64(2**63)


def test_labels_are_texts_and_their_kinds():
    rows = [{"group": 7, "id": "a"}, None, {"group": "b"}]
    table, kinds = labels_of(rows, [True, False, True], [4, 5, 5])
    assert table.to_pydict() == {
        "row": [4, 5, 5],
        "group": ["7", None, "b"],
        "trajectory": ["a", None, None],
    }
    assert kinds == {"group integer", "group text", "trajectory text"}
