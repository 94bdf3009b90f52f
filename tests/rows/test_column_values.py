"""Values of columns become tensors of turns and trajectories, whatever container they come in."""

import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import Tensor

import creditlib as cl
from creditlib.rows import read_rows
from creditlib.rows.column_values import (
    columns_as_tensors,
    listed_columns,
    turns_listed,
    turns_of_row,
)
from creditlib.rows.columns import column_names, column_shapes
from creditlib.rows.row_index import index_rows, index_trajectories, trajectories_of_rows
from creditlib.rows.settings import credit_settings
from creditlib.vocabulary.messages import ContractError

NAN = float("nan")
CPU = torch.device("cpu")


def two_rows(runs=(2, 1), keep=(True, True)):
    return index_rows(
        runs=runs,
        written=[True, True],
        scored=[True, True],
        keep=keep,
    )


def read(index=None, settings=None, **columns):
    index, shapes = index or two_rows(), column_shapes(settings)
    needed = shapes if settings is None else column_names(settings)
    listed = listed_columns(columns, len(index.trajectory))
    return columns_as_tensors({n: listed[n] for n in listed if n in needed}, shapes, index, CPU)


def test_values_of_turns_fill_the_turns_there_are():
    found = read(duration=[[1.5, 2.0], [4.0]], invalid_action=[np.array([True, False]), False])
    assert found["duration"].tolist() == [[1.5, 2.0], [4.0, 0.0]]
    assert found["invalid_action"].tolist() == [[True, False], [False, False]]
    assert found["duration"].dtype == torch.float32


def test_observations_become_ids_and_arrays_are_one_observation_each():
    found = read(anchor=[["hall", "attic"], "hall"])["anchor"]
    assert found[0, 0] == found[1, 0] != found[0, 1]
    assert found[1, 1] == -1
    image = np.zeros((2, 2))
    found = read(two_rows((1, 1)), anchor=[image, image.copy()])["anchor"]
    assert found[0, 0] == found[1, 0] >= 0


def test_integers_are_ids_and_none_is_no_anchor():
    assert read(anchor=[[7, None], [-3]])["anchor"].tolist() == [[7, -1], [-3, -1]]


def test_integers_of_numpy_and_torch_are_ids_too():
    given = [[np.int64(7), np.int32(-1)], torch.tensor(-3)]
    assert read(anchor=given)["anchor"].tolist() == [[7, -1], [-3, -1]]


def test_a_row_without_a_value_has_no_anchors():
    assert read(anchor=[None, ["hall"]])["anchor"][0].tolist() == [-1, -1]


def test_without_trajectories_a_column_keeps_its_axes():
    none_left = two_rows(keep=(False, False))
    found = read(none_left, rewards=[[1, 2], [3, 4]], baseline=[1.0, 2.0], duration=[[1.0], 2.0])
    assert found["rewards"].shape == (0, 1)
    assert found["baseline"].shape == (0,)
    assert found["duration"].shape == (0, 0)


def test_a_value_of_a_trajectory_is_that_of_its_last_row():
    found = trajectories_of_rows(["a", "a", "b"], None, [True] * 3)
    steps = index_trajectories(found, runs=[1, 1, 1])
    found = read(steps, baseline=[0.0, 0.5, 1.0], rewards=[[0, 0], [1, 2], [3, 4]])
    assert found["baseline"].tolist() == [0.5, 1.0]
    assert found["rewards"].tolist() == [[1, 2], [3, 4]]


def test_information_gain_is_made_of_log_probabilities_of_the_gold_answer():
    gold = [[-3.0, -1.0], [-2.0]]
    found = read(gold_log_prob=gold, settings=credit_settings(estimator="igpo"))
    count = torch.tensor([2, 1])
    table = torch.tensor([[-3.0, -1.0], [-2.0, 0.0]])
    wanted = cl.information_gain(gold_log_prob=table, turn_count=count)
    assert found["information_gain"].equal(wanted)


def test_only_columns_that_the_settings_need_are_read():
    assert read(settings=credit_settings(estimator="grpo"), anchor=["broken", 1]) == {}
    weighted = credit_settings({"weight": "duration_weight"}, estimator="grpo")
    assert set(read(settings=weighted, duration=[[1, 2], 3], anchor=[1, 2])) == {"duration"}


def test_a_third_party_column_is_read_by_its_annotation():
    def curious(*, reward, novelty: Float[Tensor, "batch turn"]):
        return novelty + reward[:, None]

    settings = credit_settings(estimator=curious)
    assert read(settings=settings, novelty=[[1, 2], 3])["novelty"].tolist() == [[1, 2], [3, 0]]


def test_a_column_that_is_none_everywhere_is_left_out():
    assert read(duration=[None, None]) == {}
    assert read(two_rows(keep=(True, False)), duration=[None, [1.0]]) == {}


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (
            {"baseline": [0.5, float("nan")]},
            "read_rows: `baseline` must be a number wherever it is given, got NaN.",
        ),
        (
            {"duration": [[1.0], [1.0]]},
            "read_rows: `duration` must be 2 values, one for each turn of the row, got 1 in row 0.",
        ),
        (
            {"duration": [[1.0, 2.0]]},
            "read_rows: `duration` must be one entry for each of 2 rows, got 1.",
        ),
        (
            {"duration": [[1.0, None], [1.0]]},
            "read_rows: `duration` must be given for every row or for none, got None in some rows.",
        ),
        (
            {"turn_reward": [["much", 1.0], [1.0]]},
            "read_rows: `turn_reward` must be float[batch turn], got str.",
        ),
        (
            {"rewards": [[1.0], [1.0, 2.0]]},
            "read_rows: `rewards` must be float[batch objective], got list.",
        ),
    ],
)
def test_values_that_do_not_fit_get_one_sentence(columns, sentence):
    with pytest.raises(ContractError) as caught:
        read(**columns)
    assert str(caught.value) == sentence


ROWS = {
    "mask": [[1, 0, 1], [1, 0, 1]],
    "group": ["a", "a"],
    "reward": [1.0, 0.0],
}


def partition(anchor):
    """Which turns share an anchor: ids of observations and of integers differ, groups do not."""
    flat = anchor.flatten().tolist()
    return [flat.index(each) if each >= 0 else -1 for each in flat]


def as_objects(table):
    found = np.empty(len(table), dtype=object)
    found[:] = [list(row) for row in table]
    return found


TEXTS = [["hall", "attic"], ["attic", "hall"]]
IDS = [[4, 9], [9, 4]]


@pytest.mark.parametrize(
    "anchor",
    [
        TEXTS,
        as_objects(TEXTS),
        np.array(TEXTS, dtype=object),  # as many turns in all rows: numpy makes a table of it
        np.array(TEXTS),
        [np.array(row) for row in TEXTS],
        [np.array(row, dtype=object) for row in TEXTS],
        [tuple(row) for row in TEXTS],
        IDS,
        np.array(IDS),
        np.array(IDS, dtype=object),
        as_objects(IDS),
        [np.array(row) for row in IDS],
        [torch.tensor(row) for row in IDS],
        [[torch.tensor(each) for each in row] for row in IDS],
        torch.tensor(IDS),
        [[np.full(3, each) for each in row] for row in IDS],
        np.array([[np.full(3, each) for each in row] for row in IDS]),
    ],
)
def test_anchors_in_every_container_are_one_result(anchor):
    rows = read_rows(**ROWS, columns={"anchor": anchor})
    assert partition(rows.batch["anchor"]) == [0, 1, 1, 0]


@pytest.mark.parametrize(
    "seconds",
    [
        [[1.0, 2.0], [3.0, 4.0]],
        np.array([[1.0, 2.0], [3.0, 4.0]]),
        np.array([[1.0, 2.0], [3.0, 4.0]], dtype=object),
        as_objects([[1.0, 2.0], [3.0, 4.0]]),
        torch.tensor([[1, 2], [3, 4]]),
        torch.tensor([[1, 2], [3, 4]], dtype=torch.bfloat16),
        [torch.tensor([1.0, 2.0]), np.array([3, 4])],
    ],
)
def test_numbers_in_every_container_are_one_result(seconds):
    rows = read_rows(**ROWS, columns={"duration": seconds})
    assert rows.batch["duration"].tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_ragged_rows_may_be_padded_in_an_array_and_not_in_a_list(refusal):
    ragged = {**ROWS, "mask": [[1, 0, 1], [1, 1, 0]]}
    wanted = [[1.0, 2.0], [3.0, 0.0]]
    for end in (0.0, NAN):
        padded = torch.tensor([[1.0, 2.0], [3.0, end]])
        for given in (padded, padded.numpy(), list(padded), [[1.0, 2.0], [3.0]], [[1.0, 2.0], 3.0]):
            assert (
                read_rows(**ragged, columns={"duration": given}).batch["duration"].tolist()
                == wanted
            )
    for given in (torch.tensor([[1.0, 2.0], [3.0, 4.0]]), [[1.0, 2.0], [3.0, 0.0]]):
        said = refusal(read_rows, **ragged, columns={"duration": given})
        assert "`duration` must be 1 values, one for each turn of the row, got 2 in row 1" in said
    anchor = torch.tensor([[4, 9], [9, -1]])
    for given in (anchor, list(anchor), [[4, 9], [9]], [np.array([4, 9]), np.array([9])]):
        found = read_rows(**ragged, columns={"anchor": given}).batch["anchor"]
        assert partition(found) == [0, 1, 1, -1]


def test_in_rows_of_one_turn_an_array_is_one_observation():
    one_turn = {**ROWS, "mask": [[1, 1, 0], [1, 0, 0]]}
    for given in (
        [np.array([4, 9]), np.array([4, 9])],
        np.array([[4, 9], [4, 9]]),
        [np.array([[0.5]]), np.array([[0.5]])],
        [np.array(["a", "b"], dtype=object), np.array(["a", "b"], dtype=object)],
    ):
        found = read_rows(**one_turn, columns={"anchor": given}).batch["anchor"]
        assert found[0, 0] == found[1, 0] >= 0
    alone = [np.array("hall"), np.array("hall", dtype=object)]
    found = read_rows(**one_turn, columns={"anchor": alone}).batch["anchor"]
    assert found[0, 0] == found[1, 0]
    mixed = read_rows(**one_turn, columns={"anchor": [np.array(["hall"]), "hall"]}).batch["anchor"]
    assert mixed[0, 0] == mixed[1, 0]


def test_columns_are_containers_with_an_entry_for_each_row(refusal):
    assert refusal(read_rows, **ROWS, columns={"anchor": "hall"}) == (
        "read_rows: `anchor` must be one entry for each of 2 rows, got str."
    )
    assert refusal(read_rows, **ROWS, columns={"duration": 1.0}) == (
        "read_rows: `duration` must be one entry for each of 2 rows, got float."
    )


def test_turns_are_listed_by_columns_of_turns_only():
    columns = {"rewards": [[1.0, 2.0, 3.0], 1.0], "duration": [np.zeros(5), (1.0, 2.0)]}
    columns["anchor"] = [np.array(["a"], dtype=object), None]
    assert turns_listed(columns, column_shapes(), 2) == [1, 2]


def test_only_padding_is_cut(refusal):
    assert turns_of_row("f", "duration", [1.0, 0, None, NAN, False], 1, row=0) == [1.0]
    assert turns_of_row("f", "anchor", [7, -1, 0], 1, row=0) == [7]
    for items in ([1.0, -1], [], [1.0, 0.0, 0.5]):
        assert "in row 3" in refusal(turns_of_row, "f", "duration", items, 1, row=3)


def test_texts_become_ids_of_actions_and_answers():
    shapes = {name: column_shapes()[name] for name in ("action", "answer")}
    read = read_rows(
        reward=torch.tensor([1.0, 0.0]),
        mask=torch.ones(2, 2),
        group=["a", "a"],
        settings=credit_settings(estimator="action_margin"),
        columns={"anchor": [["x"], ["x"]], "action": [["go"], [None]]},
    )
    assert str(shapes["answer"]) == "int[batch]"
    assert (read.batch["action"] >= 0).tolist() == [[True], [False]]
