import numpy as np
import pytest
import torch

from creditlib.rows import read_rows
from creditlib.rows.columns import (
    check_column_names,
    column_names,
    column_shapes,
    columns_from,
    columns_of,
    named_columns,
    turn_rewards,
)
from creditlib.rows.settings import credit_settings
from creditlib.vocabulary.messages import ContractError

NAN = float("nan")


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


ONE = {"mask": [[1, 1]], "group": ["a"], "reward": [1.0]}


def curious(*, reward, novelty=None):
    return reward


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("observation", "'observation' (did you mean 'anchor'?)"),
        ("observations", "'observations' (did you mean 'anchor'?)"),
        ("observaton", "'observaton' (did you mean 'anchor'?)"),
        ("seconds", "'seconds' (did you mean 'duration'?)"),
        ("durations", "'durations' (did you mean 'duration'?)"),
        ("turn_rewards", "'turn_rewards' (did you mean 'turn_reward'?)"),
        ("invalid_actions", "'invalid_actions' (did you mean 'invalid_action'?)"),
        ("step_reward", "'step_reward' (did you mean 'turn_reward'?)"),
        ("token_reward", "'token_reward'; pass it as `token_reward=`"),
        ("turn_length", "'turn_length'; read_rows computes it from the mask"),
        ("hue", "'hue'"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(refusal, name, fact):
    for settings in (None, credit_settings(estimator="grpo")):
        said = refusal(read_rows, **ONE, columns={name: [[1.0]]}, settings=settings)
        assert said == f"read_rows: `columns` must be named after columns, got {fact}."
    said = refusal(named_columns, {f"creditlib_{name}": [[1.0]]}, torch.ones(1, 2))
    assert said == f"named_columns: `columns` must be named after columns, got {fact}."


def test_known_names_that_nobody_needs_are_ignored():
    columns = {name: [None] for name in column_shapes()}
    read_rows(**ONE, columns=columns, settings=credit_settings(estimator="grpo"))
    check_column_names("read_rows", columns)


def test_a_name_without_a_shape_is_not_dropped(refusal):
    """The estimator names it, so it is no typing error; but nobody knows how to read it."""
    settings = credit_settings(estimator=curious)
    assert refusal(read_rows, **ONE, columns={"novelty": [[1.0]]}, settings=settings) == (
        "read_rows: `columns` must be annotated in the estimator, got 'novelty', which curious "
        'names without its shape; annotate it there, such as `Float[Tensor, "batch turn"]`.'
    )


@pytest.mark.parametrize("key", ["invalid_actions", "Invalid-Action", "invalidAction"])
def test_a_near_miss_in_a_trainers_mapping_is_refused(refusal, key):
    settings = credit_settings(estimator="gigpo")
    said = (
        f"gigpo: `invalid_action` must be given under its own name, got {key!r}; "
        "name it 'invalid_action'."
    )
    assert refusal(columns_from, [{}, {key: [True]}], settings) == said
    assert refusal(columns_of, {key: [[True]]}, settings) == said


def test_names_that_a_trainer_uses_itself_are_no_near_miss():
    """`reward` is a word of its own, and `anchors` may lie beside `anchor`."""
    gdpo, gigpo = credit_settings(estimator="gdpo"), credit_settings(estimator="gigpo")
    batch = {"reward": [1.0], "token_level_rewards": [1.0], "turn_index": [1], "group": ["a"]}
    assert columns_of(batch, gdpo) == columns_from([batch], gdpo) == {}
    both = {"anchor": [["h"]], "anchors": 3, 7: "a key that is no text"}
    assert columns_of(both, gigpo) == {"anchor": [["h"]]}
    assert columns_from([both], gigpo) == {"anchor": [[["h"]]]}
    assert columns_from([{"anchors": 1}], credit_settings(estimator="grpo")) == {}


def test_columns_of_a_batch_under_the_trainers_own_names():
    settings = credit_settings(estimator="gigpo")
    named = {"anchor": "state_hash", "turn_reward": "step_scores"}
    batch = {"state_hash": ["h"], "step_scores": None, "turn_reward": [0.5]}
    assert columns_of(batch, settings, named) == {"anchor": ["h"], "turn_reward": [0.5]}
    assert columns_of({**batch, "anchor": ["own"]}, settings, named)["anchor"] == ["own"]


def test_a_value_past_the_last_turn_is_not_cut_away(refusal):
    """Row 1 has one turn; its second reward would be lost."""
    mask, reward = torch.tensor([[1, 0, 1], [1, 1, 0]]), torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert refusal(named_columns, {"creditlib_turn_reward": reward}, mask) == (
        "named_columns: `turn_reward` must be 1 values, one for each turn of the row, got 2 in row "
        "1; give `turn` beside the mask if a turn wrote no token or two turns adjoin."
    )
    reward[1, 1] = NAN
    assert named_columns({"creditlib_turn_reward": reward}, mask)["turn_reward"][1] == [3.0]


def test_rewards_and_masks_may_be_lists_or_arrays():
    reward, mask = [[0.5, 0.0, 1.0]], [[1, 0, 1]]
    for form in (list, np.array, torch.tensor):
        assert turn_rewards(form(reward), form(mask)) == [[0.5, 1.0]]
