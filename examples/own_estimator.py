"""An estimator of your own: one file, nothing to register.

The annotations say which tensors it takes. `cl.apply` finds them in any mapping, and a name such as
`own_estimator:rank_credit` finds the function: `python examples/loop.py own_estimator:rank_credit`.
`creditlib check own_estimator:rank_credit` puts the laws of credit to it.

Two decorators are optional: `checked` refuses a wrong call in one sentence, detaches the result and
rounds it to float32; `breaks` declares a law that the method breaks by design.
"""

import torch

import creditlib as cl
from creditlib.algebra import valid_rows, wide
from creditlib.vocabulary import Credit, Group, Reward, Valid, breaks
from creditlib.vocabulary.contract import checked


@checked
@breaks(
    "the_expected_gradient_is_the_true_one",
    because="only the order of rewards counts, not how much better one is.",
)
def rank_credit(*, reward: Reward, group: Group, valid: Valid | None = None) -> Credit:
    """The share of the other group members with a lower reward, minus that with a higher one.

        A[i] = Σ_k sign(reward[i] − reward[k]) / (n − 1)   over the others k of group(i)

    Only the order of rewards counts, so an outlier does not change the other credit. A group of one
    gets 0.
    """
    value, where = wide(reward), valid_rows(valid, reward)
    peers = (group[:, None] == group) & where[:, None] & where
    sign = torch.where(peers, torch.sign(value[:, None] - value), 0.0)
    others = (peers.sum(1) - 1).clamp(min=1)
    return sign.sum(1) / others


def main() -> None:
    """Call it in three ways, then weight its credit by the duration of each turn."""
    batch = {
        "reward": torch.tensor([1.0, 0.0, 0.5, 900.0, 0.0]),
        "group": cl.ids(["house", "house", "house", "garden", "garden"]),
        "duration": torch.tensor([[2.0, 4.0], [1.0, 5.0], [3.0, 3.0], [3.0, 0.0], [3.0, 0.0]]),
        "turn_count": torch.tensor([2, 2, 2, 1, 1]),
    }
    credit = rank_credit(reward=batch["reward"], group=batch["group"])
    print("called   ", credit.tolist())
    print("applied  ", cl.apply(rank_credit, batch).tolist())
    print("by path  ", cl.apply("own_estimator:rank_credit", batch).tolist())
    weight = cl.apply("duration_weight", batch)
    turn = torch.tensor([[0, -1, 1], [0, 1, 1], [0, -1, 1], [-1, 0, 0], [0, -1, -1]])
    print("on tokens")
    print(cl.to_tokens(cl.per_turn(credit, batch["turn_count"]) * weight, turn))


if __name__ == "__main__":
    main()
