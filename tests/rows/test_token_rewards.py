import numpy as np
import torch

from creditlib.rows import outcome_of
from creditlib.rows.masks import read_planes
from creditlib.rows.row_index import index_rows
from creditlib.rows.token_rewards import rewards_of_tokens, without_padding

NAN = float("nan")


def test_rewards_come_as_lists_arrays_and_tensors():
    reward, mask = [[0.5, 0.25, NAN]], [[1, 0, 0]]
    for form in (torch.tensor, np.array, list):
        assert outcome_of(form(reward), form(mask)).tolist() == [0.75]


def test_planes_of_other_shapes_are_refused(refusal):
    said = refusal(outcome_of, torch.zeros(1, 3), torch.ones(1, 2))
    assert said == (
        "outcome_of: `token_reward` must be (1, 2) like `mask`, got torch.float32 (1, 3)."
    )


def test_nan_is_no_reward_where_a_token_is_not_trained():
    reward = torch.tensor([[NAN, 1.0, NAN]])
    found = without_padding(reward, torch.tensor([[0, 0, -1]]))
    assert found[0, 1:].tolist() == [1.0, 0.0]
    assert found[0, 0].isnan()
    whole = torch.ones(1, 2)
    assert without_padding(whole, torch.zeros(1, 2, dtype=torch.int8)).equal(whole)


def test_the_outcome_lies_on_the_last_token_that_was_written():
    """Token 2 was written and taken out of the loss; it is still the end."""
    planes = read_planes([[1, 0, 0, 0]], [[1, 0, 1, 0]], None, several=False)
    index = index_rows(runs=[1], written=[True], scored=[True], keep=[True])
    found = rewards_of_tokens(None, planes, torch.tensor([2.0]), index)
    assert found["token_reward"].tolist() == [[0.0, 0.0, 2.0, 0.0]]
    assert found["present"].tolist() == [[True, False, True, False]]
    given = torch.tensor([[0.0, 0.5, 0.0, 0.0]])
    found = rewards_of_tokens(given, planes, torch.tensor([2.0]), index)
    assert found["token_reward"] is given
    assert found["present"].tolist() == [[True, True, True, False]]
