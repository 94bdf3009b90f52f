import numpy as np
import pytest
import torch

from creditlib.testing.conformance.signatures import CONVENTIONS, Settings, convention_of
from creditlib.testing.subject import InexpressibleError
from creditlib.vocabulary.words import ARGUMENTS

BATCH = {
    "token_reward": torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.0, 0.0]]),
    "turn": torch.tensor([[0, 0, -1], [0, -1, 1]]),
    "present": torch.tensor([[True, True, False], [True, True, True]]),
    "group": torch.tensor([7, 7]),
    "reward": torch.tensor([1.0, 0.5]),
}


def fed(signature, name, **other):
    return convention_of(signature).arguments[name].make({**BATCH, **other})


@pytest.mark.parametrize("name", CONVENTIONS)
def test_a_convention_speaks_of_tensors_that_exist(name):
    convention = convention_of(name)
    known = {*ARGUMENTS, *convention.own}
    needed = {
        tensor for feed in convention.arguments.values() for tensor in (*feed.needs, *feed.may)
    }
    assert needed <= known
    assert set(convention.defaults) <= set(convention.options)
    assert all(option.name == key for key, option in convention.options.items())


def test_a_convention_that_does_not_exist_is_refused(refusal):
    assert refusal(convention_of, "veril") == (
        "conformance_report: `signature` must be one of 'verl', 'skyrl', 'trl', got 'veril' (did "
        "you mean 'verl'?)."
    )


def test_verl_gets_uids_in_an_array_of_objects_and_a_mask_of_the_policy():
    index = fed("verl", "index")
    assert isinstance(index, np.ndarray)
    assert (index.dtype, index.tolist()) == (object, ["uid7", "uid7"])
    assert fed("verl", "response_mask").tolist() == [[1, 1, 0], [1, 0, 1]]
    # the same tensor, so that a call that writes into it is seen
    assert fed("verl", "token_level_rewards") is BATCH["token_reward"]


def test_skyrl_gets_a_list_of_uids_and_a_mask_of_the_response():
    assert fed("skyrl", "index") == ["uid7", "uid7"]
    assert fed("skyrl", "response_mask").tolist() == [[1, 1, 0], [1, 1, 1]]


def test_trl_gets_a_column_and_nan_for_what_is_not_scored():
    assert fed("trl", "rewards_per_func").tolist() == [[1.0], [0.5]]
    scored = fed("trl", "rewards_per_func", valid=torch.tensor([True, False]))
    assert scored[0].item() == 1.0
    assert scored[1].isnan()


@pytest.mark.parametrize(
    ("group", "size"), [([4], 1), ([4, 4], 2), ([9, 9, 1, 1], 2), ([], 2), ([3, 2, 1], 1)]
)
def test_the_size_of_groups_is_told_by_position(group, size):
    assert fed("trl", "num_generations", group=torch.tensor(group)) == size


@pytest.mark.parametrize("group", [[1, 1, 2], [1, 2, 1, 2], [1, 2, 1]])
def test_groups_that_position_cannot_tell_are_inexpressible(group):
    with pytest.raises(InexpressibleError, match="one size"):
        fed("trl", "num_generations", group=torch.tensor(group))


def test_settings_are_read_three_ways_and_remember_it():
    settings = Settings(gamma=0.5)
    assert settings.keys_read == set()
    assert (settings.gamma, settings["gamma"], settings.get("gamma")) == (0.5, 0.5, 0.5)
    assert settings.get("lam", 0.9) == 0.9
    assert settings.keys_read == {"gamma", "lam"}
    with pytest.raises(AttributeError):
        _ = settings.lam
    with pytest.raises(KeyError):
        _ = settings["lam"]
