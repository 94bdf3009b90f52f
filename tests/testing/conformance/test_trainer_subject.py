import numpy as np
import stand_ins
import torch

from creditlib.testing.conformance.trainer_subject import subject_in, trainer_subject

BATCH = {
    "token_reward": torch.tensor([[0.0, 1.0, 0.0]]),
    "turn": torch.tensor([[0, 0, -1]]),
    "group": torch.tensor([7]),
}


def test_the_signature_says_which_tensors_there_are():
    def own(token_level_rewards, values, response_mask, gamma, lam=1.0): ...

    subject = trainer_subject(own, "verl")
    assert set(subject.tensors) == {"token_reward", "value", "turn"}
    assert all(tensor.required for tensor in subject.tensors.values())
    assert list(subject.options) == ["gamma", "lam"]
    # what has a default is not told, unless it is varied
    assert set(subject.arguments({}, {})) == {*subject.takes, "gamma"}
    assert subject.arguments({}, {"lam": 0.25})["lam"] == 0.25


def test_a_call_is_the_trainers():
    native = trainer_subject(stand_ins.verl_right, "verl").arguments(BATCH, {})
    assert list(native) == ["token_level_rewards", "response_mask", "index"]
    assert isinstance(native["index"], np.ndarray)


def test_none_in_place_of_a_tensor_is_none_in_place_of_the_argument():
    native = trainer_subject(stand_ins.verl_right, "verl").arguments({**BATCH, "group": None}, {})
    assert native["index"] is None


def test_options_of_the_settings_object_are_those_that_are_asked_of_it():
    subject = trainer_subject(stand_ins.verl_settings, "verl")
    assert list(subject.options) == ["config.gamma"]
    native = subject.arguments(BATCH, {"config.gamma": 0.25})
    assert dict(native["config"]) == {"gamma": 0.25}
    assert trainer_subject(stand_ins.verl_settings, "verl", {"config.gamma": 1.0}).options == {}


def test_what_may_be_said_twice_is_an_option_twice():
    subject = trainer_subject(stand_ins.verl_deaf, "verl")
    name = "norm_adv_by_std_in_grpo"
    assert list(subject.options) == [name, f"config.{name}"]


def test_an_own_settings_object_replaces_the_stand_in():
    mine = object()
    subject = trainer_subject(stand_ins.verl_settings, "verl", {"config": mine})
    assert subject.arguments(BATCH, {})["config"] is mine


def test_returns_are_read_where_there_is_a_critic():
    advantages, returns = torch.zeros(1), torch.ones(1)
    plain = trainer_subject(stand_ins.verl_right, "verl")
    critic = trainer_subject(stand_ins.verl_gae, "verl")
    assert len(plain.tensors_in((advantages, returns))) == 1
    assert len(critic.tensors_in((advantages, returns))) == 2


def test_what_the_loss_masks_is_not_read():
    subject = trainer_subject(stand_ins.verl_right, "verl")
    (read,) = subject.read((torch.tensor([[1.0, 2.0, float("nan")]]),), BATCH)
    assert read.tolist() == [[1.0, 2.0, 0.0]]
    (other,) = subject.read((torch.tensor([3.0]),), BATCH)
    assert other.tolist() == [3.0]


def test_a_sentence_speaks_of_the_trainers_arguments():
    subject = trainer_subject(stand_ins.verl_right, "verl")
    assert subject.rename_arguments("`group` and `turn`") == "`index` and `response_mask`"


def test_where_tool_output_is_not_told_only_padding_is_masked():
    batch = {**BATCH, "present": torch.tensor([[True, True, True]])}
    told = trainer_subject(stand_ins.verl_right, "verl")
    untold = trainer_subject(stand_ins.skyrl_right, "skyrl")
    assert told.masked(batch).tolist() == [[False, False, True]]
    assert untold.masked(batch).tolist() == [[False, False, False]]


def test_without_a_convention_the_vocabulary_is_meant():
    assert subject_in("rloo", None, {}).signature == ""
    assert subject_in(stand_ins.trl_right, "trl", {}).signature == "trl"


def test_strange_functions_are_refused_in_one_sentence(refusal):
    def other(x, y): ...

    def more(rewards_per_func, num_generations, window): ...

    assert refusal(trainer_subject, other, "trl") == (
        "conformance_report: `function` must be a function that takes rewards_per_func, "
        "num_generations by name, got other(x, y)."
    )
    assert refusal(trainer_subject, more, "trl") == (
        "conformance_report: `window` must be an argument of the trl convention or given in "
        "`options`, got neither."
    )
    assert trainer_subject(more, "trl", {"window": 3}).fixed == {"window": 3}
