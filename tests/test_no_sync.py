"""Nothing waits for a device: on tensors that have shapes but no values, every function runs."""

import pytest
import torch
from helpers import VARIANTS, arguments, results

import creditlib as cl


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_no_value_is_read_on_the_host(variant):
    tensors = arguments(variant)
    shapes = [x.shape for x in results(variant(tensors))]
    without_values = variant({name: x.to("meta") for name, x in tensors.items()})
    assert [x.shape for x in results(without_values)] == shapes


def test_reading_a_value_would_be_noticed():
    with pytest.raises(RuntimeError, match="meta"):
        cl.layouts.pack(torch.zeros(2, 3, device="meta"), torch.ones(2, device="meta").long())
