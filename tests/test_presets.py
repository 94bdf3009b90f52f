import copy
import inspect
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import NEEDS

import creditlib as cl
from creditlib import presets
from creditlib.testing import assert_close, random_arguments

FUNCTIONS = {name: cl.resolve(getattr(presets, name).function) for name in presets.__all__}

# Rewards 0 0 0 1 of one prompt, and a lone 0.7: what each trainer's GRPO makes of them.
# The mean is 1/4. The squares add up to 3 · 1/16 + 9/16 = 3/4, so the deviation is
# sqrt(3/4 / 3) = 1/2 with ddof 1 and sqrt(3/4 / 4) = sqrt(3)/4 with ddof 0.
UNBIASED, BIASED = 1 / 2, 3**0.5 / 4
WORKED = {
    "VERL_GRPO": (UNBIASED + 1e-6, 0.7 / (1 + 1e-6)),
    "SKYRL_GRPO": (UNBIASED + 1e-6, 0.7 / (1 + 1e-6)),
    "TRL_GRPO": (UNBIASED + 1e-4, 0),
    "MS_SWIFT_GRPO": (UNBIASED + 1e-4, 0),
    "SLIME_GRPO": (UNBIASED + 1e-6, 0),
    "OPENRLHF_GROUP_NORM": (UNBIASED + 1e-9, 0),
    "TORCHRL_GRPO": (UNBIASED, 0),
    "RLLM_GRPO": (BIASED + 1e-6, 0.7 / (1 + 1e-6)),
    "PRIME_RL_GRPO": (1, 0),
    "DR_GRPO": (1, 0),
    "VERL_DR_GRPO": (1, 0.7),
}
# The same to the digits a trainer's log prints.
PRINTED = {
    "VERL_GRPO": "-0.5000 1.5000 0.7000",
    "SKYRL_GRPO": "-0.5000 1.5000 0.7000",
    "TRL_GRPO": "-0.4999 1.4997 0.0000",
    "MS_SWIFT_GRPO": "-0.4999 1.4997 0.0000",
    "SLIME_GRPO": "-0.5000 1.5000 0.0000",
    "OPENRLHF_GROUP_NORM": "-0.5000 1.5000 0.0000",
    "TORCHRL_GRPO": "-0.5000 1.5000 0.0000",
    "RLLM_GRPO": "-0.5773 1.7320 0.7000",
    "PRIME_RL_GRPO": "-0.2500 0.7500 0.0000",
    "DR_GRPO": "-0.2500 0.7500 0.0000",
    "VERL_DR_GRPO": "-0.2500 0.7500 0.7000",
}
REWARD = torch.tensor([0.0, 0.0, 0.0, 1.0, 0.7], dtype=torch.float64)
GROUP = torch.tensor([3, 3, 3, 3, 8])


@pytest.mark.parametrize("name", WORKED)
def test_grpo_by_hand(name):
    divisor, lone = WORKED[name]
    low, high = (0 - 1 / 4) / divisor, (1 - 1 / 4) / divisor
    expected = torch.tensor([low, low, low, high, lone], dtype=torch.float64)
    assert_close(cl.grpo(reward=REWARD, group=GROUP, **getattr(presets, name)), expected)


@pytest.mark.parametrize("name", PRINTED)
def test_grpo_as_printed(name):
    credit = cl.grpo(reward=REWARD, group=GROUP, **getattr(presets, name))
    assert " ".join(f"{credit[i]:.4f}" for i in (0, 3, 4)) == PRINTED[name]


def test_a_zero_spread_under_the_floor_form_is_no_division_by_eps():
    constant = torch.tensor([0.3, 0.3, 0.3], dtype=torch.float64)
    group = torch.tensor([0, 0, 0])
    for name in WORKED:
        credit = cl.grpo(reward=constant, group=group, **getattr(presets, name))
        assert torch.equal(credit, torch.zeros_like(constant))


def test_areal_by_hand():
    """Centred rewards −1/4 three times, 3/4, and 0 for the lone one: over all five, ddof 1."""
    deviation = (3 / 4 / 4) ** 0.5 + 1e-5
    expected = torch.tensor([-1 / 4, -1 / 4, -1 / 4, 3 / 4, 0], dtype=torch.float64) / deviation
    assert_close(cl.grpo(reward=REWARD, group=GROUP, **presets.AREAL_LITE_PPO), expected)


def test_a2tgpo_official_are_the_defaults():
    arguments = random_arguments(cl.a2tgpo)
    official = cl.a2tgpo(**arguments, **presets.A2TGPO_OFFICIAL)
    assert torch.equal(official, cl.a2tgpo(**arguments))


def test_every_preset_is_public():
    found = {name for name in dir(presets) if name.isupper()}
    assert sorted(found) == sorted(presets.__all__)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_preset_is_accepted_by_its_function(name):
    function = FUNCTIONS[name]
    arguments = random_arguments(function, optional=True)
    needs = NEEDS.get(function.__name__, {})
    found = function(**arguments, **{**needs, **getattr(presets, name)})
    assert found.isfinite().all()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_preset_changes_nothing_but_options(name):
    parameters = inspect.signature(FUNCTIONS[name]).parameters
    assert all(
        parameters[option].default is not inspect.Parameter.empty
        for option in getattr(presets, name)
    )


def test_presets_cannot_be_changed():
    with pytest.raises(TypeError):
        presets.VERL_GRPO["eps"] = 0.0


def uses(text):
    return set(re.findall(r"presets\.([A-Z0-9_]+)", text))


def test_every_preset_is_proven_by_golden_or_worked_numbers():
    here = Path(__file__).parent
    golden = set()
    for name in ("test_golden_core.py", "test_golden_official.py"):
        golden |= uses((here / name).read_text())
    for file in (here / "seeds").glob("*.py"):
        golden |= uses(file.read_text())
    for file in (here / "recipes" / "golden").glob("*.npz"):
        golden.add(str(np.load(file)["preset"]))
    assert set(presets.__all__) <= golden | set(WORKED)


@pytest.mark.parametrize("name", presets.__all__)
def test_a_preset_travels_to_other_processes(name):
    preset = getattr(presets, name)
    for same in (pickle.loads(pickle.dumps(preset)), copy.deepcopy(preset), copy.copy(preset)):
        assert dict(same) == dict(preset)
        assert (same.function, repr(same)) == (preset.function, repr(preset))
