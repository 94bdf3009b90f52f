"""Nothing waits for a device: on tensors that have shapes but no values, every function runs."""

import pytest
import torch
from helpers import ON_HOST, VARIANTS, arguments, results

import creditlib as cl
from creditlib.testing import random_arguments


@pytest.mark.parametrize("variant", [v for v in VARIANTS if v.name not in ON_HOST], ids=str)
def test_no_value_is_read_on_the_host(variant):
    tensors = arguments(variant)
    shapes = [x.shape for x in results(variant(tensors))]
    without_values = variant({name: x.to("meta") for name, x in tensors.items()})
    assert [x.shape for x in results(without_values)] == shapes


def test_what_needs_values_says_so():
    given = random_arguments(cl.match_reward)
    with pytest.raises(cl.ContractError, match="`similarity` must be a tensor with values"):
        cl.match_reward(**{name: x.to("meta") for name, x in given.items()})


def test_contrast_reads_no_value_either():
    given = {"group": torch.zeros(2, dtype=torch.int64), "turn_reward": torch.zeros(2, 3)}
    given |= {"anchor": torch.zeros(2, 3, dtype=torch.int64), "turn_count": given["group"]}
    found = cl.contrast(**{name: x.to("meta") for name, x in given.items()})
    assert found.shape == (2, 3)


def test_reading_a_value_would_be_noticed():
    with pytest.raises(RuntimeError, match="meta"):
        cl.layouts.pack(torch.zeros(2, 3, device="meta"), torch.ones(2, device="meta").long())
