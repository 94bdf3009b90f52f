import math

import numpy as np
import pytest
import torch
from rollout_cases import equal, message, one

from creditlib.rollouts import from_trajectories


def test_trajectory_level_tensors_by_hand():
    found = from_trajectories([one(), one(outcome=None, group="b"), one(outcome=-2, group="a")])
    equal(found.tensors["reward"], [1.0, 0.0, -2.0])
    equal(found.tensors["valid"], [True, False, True])
    equal(found.tensors["turn_count"], [1, 1, 1])
    group = found.tensors["group"].tolist()
    assert group[0] == group[2] != group[1]
    assert found.groups == {"a": [0, 2], "b": [1]}
    assert found.places == ["trajectory 1", "trajectory 2", "trajectory 3"]


def test_a_tensor_exists_only_if_its_key_does():
    found = from_trajectories([one()])
    assert set(found.tensors) == {"reward", "valid", "group", "turn_count", "turn_reward"}


def test_length_may_be_stated_alone():
    equal(from_trajectories([one(length=9)]).tensors["length"], [9])


def test_rewards_by_objective():
    found = from_trajectories([one(rewards=[1, 0.5]), one(outcome=None)])
    equal(found.tensors["rewards"], [[1.0, 0.5], [0.0, 0.0]])


def test_rewards_that_an_objective_does_not_give_are_nan():
    nan = float("nan")
    found = from_trajectories([one(rewards=[1, None]), one(rewards=[nan, True])])
    assert found.tensors["rewards"].isnan().tolist() == [[False, True], [True, False]]
    equal(found.tensors["rewards"].nan_to_num(9), [[1.0, 9.0], [9.0, 1.0]])


def test_rewards_of_another_number_or_another_kind_are_refused():
    assert message([one(rewards=[1, 2]), one(rewards=[1])]) == (
        "rollouts: `rewards` must be a list of 2 numbers or nulls, got [1] in trajectory 2."
    )
    assert message([one(rewards=[1, "2"])]) == (
        "rollouts: `rewards` must be a list of 2 numbers or nulls, got '2' in trajectory 1 "
        "rewards[1]; write the number without quotes."
    )
    assert "got [1] in trajectory 1 rewards[0]" in message([one(rewards=[[1], [2]])])


def test_unknown_keys_stay_fill_nothing_and_stand_in_the_notes():
    plain = from_trajectories([one()])
    turns = [{"text": "x", "tool": 3}, {"text": "y", "tool": None, "observaton": "a door"}]
    found = from_trajectories([one(judge="x", turns=turns), one(outcom=1)])
    assert set(found.tensors) == set(plain.tensors)
    assert found.trajectories[0]["turns"][0]["tool"] == 3
    assert found.unknown_keys == ("tool", "observaton", "judge", "outcom")
    assert found.notes == (
        "unknown keys are not read: `tool` (1 turn), "
        "`observaton` (1 turn; did you mean `observation`?), `judge` (1 trajectory), "
        "`outcom` (1 trajectory; did you mean `outcome`?).",
    )
    assert plain.notes == plain.unknown_keys == ()


def test_a_missing_key_is_named_with_the_key_that_looks_like_it():
    assert message([{"group": 1, "outcom": 1.0, "turns": []}]) == (
        "rollouts: `outcome` must be in every trajectory, got none in trajectory 1; "
        "it has `outcom`."
    )


def test_numpy_and_tensor_scalars_are_numbers_and_an_array_of_objects_is_a_list():
    turns = np.array([{"tokens": torch.tensor([5, 6])}, {"tokens": np.array([7])}], dtype=object)
    found = from_trajectories(
        [one(group=np.int64(7), outcome=torch.tensor(0.5), turns=turns), one(group=7, turns=[])]
    )
    equal(found.tensors["reward"], [0.5, 1.0])
    equal(found.tensors["length"], [3, 0])
    assert found.groups == {7: [0, 1]}
    assert found.tensors["group"].unique().numel() == 1


def test_nan_is_no_observation():
    turns = [{"observation": math.nan}, {"observation": "x"}, {"observation": 0.5}]
    anchor = from_trajectories([one(turns=turns)]).tensors["anchor"][0].tolist()
    assert anchor[0] == -1
    assert -1 < min(anchor[1:]) < max(anchor)
    assert "anchor" not in from_trajectories([one(turns=[{"observation": math.nan}])]).tensors


def test_null_is_the_same_as_absent():
    found = from_trajectories([one(length=None, turns=[{"reward": None, "observation": None}])])
    assert set(found.tensors) == set(from_trajectories([one()]).tensors)


def test_no_trajectories_give_empty_tensors():
    found = from_trajectories([])
    assert {tuple(tensor.shape) for tensor in found.tensors.values()} == {(0,), (0, 0)}


@pytest.mark.parametrize(
    ("trajectories", "expected"),
    [
        ([{"outcome": 1.0, "turns": []}], "`group` must be in every trajectory, got none"),
        ([{"group": 1, "turns": []}], "`outcome` must be in every trajectory, got none"),
        ([{"group": 1, "outcome": 1.0}], "`turns` must be in every trajectory, got none"),
        ([one(group=1.5)], "`group` must be a text or an integer, got 1.5"),
        ([one(group=True)], "`group` must be a text or an integer, got True"),
        ([one(outcome="x")], "`outcome` must be a finite number, true, false or null, got 'x'"),
        ([one(outcome=[1])], "`outcome` must be a finite number, true, false or null, got [1]"),
        ([one(outcome=1e39)], "`outcome` must be a finite number, true, false or null, got 1e+39"),
        ([one(turns="x")], "`turns` must be a list of objects, got 'x'"),
        ([one(length=-1)], "`length` must be a whole number, at least 0, got -1"),
        ([one(rewards=2)], "`rewards` must be a list of numbers, got 2"),
        ([one(rewards=[])], "`rewards` must be a list of numbers, got []"),
    ],
)
def test_messages_for_a_trajectory(trajectories, expected):
    assert message(trajectories) == f"rollouts: {expected} in trajectory 1."


def test_what_is_no_mapping_is_refused():
    assert message([one(), 1]) == (
        "rollouts: a trajectory must be a mapping, got int in trajectory 2."
    )


def test_an_observation_nested_too_deeply_is_refused():
    deep = []
    for _ in range(5000):
        deep = [deep]
    assert message([one(), one(turns=[{"observation": 1}, {"observation": deep}])]) == (
        "rollouts: `observation` must be JSON of moderate depth, got one nested too deeply in "
        "trajectory 2 turn 1."
    )


def test_a_length_in_some_trajectories_only_is_refused():
    assert message([one(length=1), one()]) == (
        "rollouts: `length` must be in every trajectory or in none, got none in trajectory 2."
    )


def test_lengths_that_disagree_are_refused():
    rows = [one(length=4, turns=[{"token_count": 2}, {"token_count": 3}])]
    assert message(rows) == (
        "rollouts: `length` must be the sum of its turns' token counts, 5, got 4 in trajectory 1."
    )


def test_a_long_value_is_cut_in_the_message():
    text = message([one(outcome="y" * 500)])
    assert text == (
        "rollouts: `outcome` must be a finite number, true, false or null, "
        f"got '{'y' * 56}... in trajectory 1."
    )


def test_similarity_joins_observations_inside_a_group_only():
    rows = [
        one(group=group, turns=[{"observation": f"a long red door, {number}"}])
        for number, group in enumerate("aab")
    ]
    exact = from_trajectories(rows).tensors["anchor"][:, 0].tolist()
    near = from_trajectories(rows, similarity=0.8).tensors["anchor"][:, 0].tolist()
    assert len(set(exact)) == 3
    assert near[0] == near[1] != near[2]
