import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import Tensor

import creditlib as cl
from creditlib.rows.columns import (
    column_names,
    column_shapes,
    columns_as_tensors,
    columns_from,
    named_columns,
    step_turn_mask,
    turn_rewards,
)
from creditlib.rows.row_index import index_rows
from creditlib.rows.settings import credit_settings
from creditlib.vocabulary.messages import ContractError

NAN = float("nan")
CPU = torch.device("cpu")


def two_rows(runs=(2, 1), keep=(True, True)):
    return index_rows(
        runs=runs,
        written=[True, True],
        scored=[True, True],
        trajectory=None,
        step=None,
        keep=keep,
    )


def read(index=None, settings=None, **columns):
    return columns_as_tensors(columns, index or two_rows(), settings, CPU)


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
    steps = index_rows(
        runs=[1, 1, 1],
        written=[True] * 3,
        scored=[True] * 3,
        trajectory=["a", "a", "b"],
        step=None,
        keep=[True] * 3,
    )
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
    assert read(settings=credit_settings(estimator="grpo"), anchor=["broken", 1, 2]) == {}
    weighted = credit_settings({"weight": "duration_weight"}, estimator="grpo")
    assert set(read(settings=weighted, duration=[[1, 2], 3], anchor=[1])) == {"duration"}


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


def test_tensors_that_read_rows_computes_are_no_columns():
    assert not {"reward", "group", "length", "turn_length", "turn_count"} & set(column_shapes())
    assert {"anchor", "turn_reward", "baseline", "rewards", "process_reward"} <= set(
        column_shapes()
    )


def test_a_trainer_need_not_provide_what_read_rows_computes():
    # A batch's `length` or `reward` may mean something else.
    assert column_names(credit_settings(estimator="opo")) == []
    assert column_names(credit_settings({"weight": "duration_weight"}, estimator="grpo")) == [
        "duration"
    ]
    assert column_names(credit_settings(estimator="igpo")) == ["gold_log_prob", "information_gain"]


def test_a_column_that_no_row_has_is_left_out():
    rows = [{"anchor": "h", "other": 1}, "no mapping", {"turn_reward": None}]
    assert columns_from(rows, credit_settings(estimator="gigpo")) == {"anchor": ["h", None, None]}
    assert columns_from([], credit_settings(estimator="gigpo")) == {}


def test_a_reward_on_tool_output_counts_for_the_turn_before_it():
    mask = torch.tensor([[0, 1, 0, 1, 1, 0]])
    reward = torch.tensor([[0.5, 0.0, 0.25, 0.0, 1.0, 2.0]])
    assert turn_rewards(reward, mask) == [[0.75, 3.0]]


def test_rows_differ_in_turns_and_a_row_that_wrote_nothing_is_one():
    mask = torch.tensor([[1, 0, 1], [1, 1, 1], [0, 0, 0]])
    reward = torch.tensor([[1.0, 0.0, 2.0], [0.0, 0.0, 4.0], [0.0, 8.0, 0.0]])
    assert turn_rewards(reward, mask) == [[1.0, 2.0], [4.0], [8.0]]


def test_nan_is_no_reward_on_unwritten_tokens_and_stays_on_written_ones():
    mask = torch.tensor([[1, 0, 1]])
    assert turn_rewards(torch.tensor([[1.0, NAN, 2.0]]), mask) == [[1.0, 2.0]]
    first, second = turn_rewards(torch.tensor([[NAN, 0.0, 2.0]]), mask)[0]
    assert first != first
    assert second == 2.0


def test_no_tokens_and_no_rows():
    assert turn_rewards(torch.zeros(2, 0), torch.zeros(2, 0)) == [[0.0], [0.0]]
    assert turn_rewards(torch.zeros(0, 3), torch.zeros(0, 3)) == []


def test_another_shape_is_refused():
    with pytest.raises(ContractError, match="token_reward"):
        turn_rewards(torch.zeros(1, 2), torch.zeros(1, 3))


def test_columns_of_turns_are_cut_to_the_runs_of_a_row():
    mask = torch.tensor([[1, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]])
    anchor = torch.tensor([[4, 5, 0], [6, 0, 0], [7, 0, 0]])
    found = named_columns({"creditlib_anchor": anchor, "anchor": anchor}, mask)
    assert found == {"anchor": [[4, 5], [6], [7]]}


def test_columns_of_trajectories_and_lists_are_not_cut():
    values = {
        "creditlib_baseline": torch.tensor([0.5, 0.25]),
        "creditlib_anchor": [["hall"], ["attic"]],
    }
    found = named_columns(values, torch.ones(2, 1), credit_settings(estimator="remax"))
    assert found == {"baseline": [0.5, 0.25], "anchor": [["hall"], ["attic"]]}


def test_rows_that_are_steps_are_one_turn_each():
    mask = torch.tensor([[1, 0, 1]])
    assert step_turn_mask(mask, [3]).tolist() == [[1, 1, 1]]
    assert step_turn_mask(mask, None) is None
