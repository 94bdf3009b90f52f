"""From the rows of a training batch to credit on every token, for any trainer or an own loop.

A trainer keeps its batch as rows: a mask over tokens, a reward, the id of a prompt. Estimators take
tensors of trajectories and turns. Three functions connect the two:

- `credit_settings` reads which estimator to use, with which options, out of a mapping.
- `read_rows` turns rows into trajectories and turns. It finds the turns in the mask, joins the
  rows of one trajectory, and leaves out padding, rejected rows, unscored rows and copies.
- `credit_rows` calls the estimator and returns the credit of every token in the layout of the rows.

>>> import torch
>>> from creditlib.rows import credit_rows, credit_settings, read_rows
>>> settings = credit_settings({"scale": None}, estimator="grpo")
>>> rows = read_rows(
...     mask=torch.tensor([[1, 0, 1], [1, 1, 0]]),  # 1: the policy wrote the token
...     group=["task-7", "task-7"],  # the prompt of each row
...     reward=[1.0, 0.0],
...     settings=settings,
... )
>>> credit = credit_rows(rows, settings)
>>> credit.advantage
tensor([[ 0.5000,  0.0000,  0.5000],
        [-0.5000, -0.5000,  0.0000]])

`credit.returns` is what a critic learns from, `credit.metrics` holds numbers for a logger. If the
reward lies on tokens, `outcome_of` sums it for each row. `whiten_then_weight` is the order in which
`credit_rows` whitens and weights.
"""

from creditlib.rows.credit import RowCredit, credit_rows
from creditlib.rows.normalize import whiten_then_weight
from creditlib.rows.read import Rows, outcome_of, read_rows
from creditlib.rows.settings import CreditSettings, credit_settings

__all__ = [
    "CreditSettings",
    "RowCredit",
    "Rows",
    "credit_rows",
    "credit_settings",
    "outcome_of",
    "read_rows",
    "whiten_then_weight",
]
