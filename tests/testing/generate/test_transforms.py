import torch

from creditlib.testing.generate.transforms import (
    changed,
    insert_columns,
    last_written,
    perturbed,
    select,
    set_outcome,
)

TURN = torch.tensor([[0, -1, 1, -1], [-1, -1, -1, -1]])


def test_rows_are_selected_from_every_tensor():
    batch = {"reward": torch.tensor([5.0, 6.0]), "turn": TURN}
    chosen = select(batch, [1, 1, 0])
    assert chosen["reward"].tolist() == [6.0, 6.0, 5.0]
    assert chosen["turn"].tolist() == TURN[[1, 1, 0]].tolist()


def test_only_what_is_pointed_at_changes_and_it_does_change():
    where = torch.tensor([True, False])
    for x in (torch.zeros(2, 3), torch.zeros(2, dtype=torch.int64), torch.zeros(2) > 0):
        other = changed(x, where)
        assert bool((other[0] != x[0]).all())
        assert torch.equal(other[1], x[1])
        assert other.dtype == x.dtype


def test_a_perturbed_tensor_is_another_one_of_the_same_kind_and_range():
    batch = {
        "group": torch.tensor([0, 1, 0]),
        "turn_count": torch.tensor([2, 2, 0]),
        "turn": torch.tensor([[0, 1], [0, 1], [-1, -1]]),
        "valid": torch.tensor([True, True, False]),
        "reward": torch.tensor([1.0, 2.0, 3.0]),
        "gold_log_prob": torch.tensor([[-1.0, -2.0], [-1.0, -1.0], [0.0, -1.0]]),
        "anchor": torch.tensor([[3, 3], [3, 3], [3, 3]]),
        "node": torch.tensor([[3, 4], [3, 5], [3, 3]]),
        "agent": torch.tensor([1, 1, 1]),
        "join_order": torch.tensor([[[0, 1]], [[1, 0]], [[0, -1]]]),
    }
    for name, x in batch.items():
        other = perturbed(batch, name)
        assert other[name].dtype == x.dtype
        assert other[name].shape == x.shape
        assert not torch.equal(other[name], x)
        assert all(torch.equal(other[key], batch[key]) for key in batch if key != name)
    assert int(perturbed(batch, "turn_count")["turn_count"].min()) == 0
    assert float(perturbed(batch, "gold_log_prob")["gold_log_prob"].max()) <= 0
    assert perturbed({"group": torch.tensor([7, 7])}, "group")["group"].tolist() == [0, 1]
    # Ids that were equal differ now, and ids that differed are equal.
    assert perturbed(batch, "node")["node"].tolist() == [[0, 0]] * 3
    same = {"node": torch.tensor([[3, 4], [3, 4]])}
    assert perturbed(same, "node")["node"].tolist() == [[0, 0], [1, 1]]
    order = perturbed(batch, "join_order")["join_order"]
    assert order.tolist() == [[[1, 0]], [[0, 1]], [[0, -1]]]


def test_the_last_written_token_is_the_last_one_of_the_policy():
    assert last_written(TURN).tolist() == [2, -1]
    assert last_written(torch.zeros(2, 0, dtype=torch.int64)).tolist() == [-1, -1]


def test_an_outcome_is_placed_at_the_end_and_counts_once():
    batch = {"reward": torch.zeros(2), "rewards": torch.zeros(2, 3), "turn": TURN}
    batch["token_reward"] = torch.ones(2, 4)
    placed = set_outcome(batch, torch.tensor([2.0, 3.0]))
    assert placed["reward"].tolist() == [2.0, 3.0]
    assert placed["rewards"].tolist() == [[2.0] * 3, [3.0] * 3]
    assert placed["token_reward"].tolist() == [[0.0, 0.0, 2.0, 0.0], [0.0] * 4]


def test_columns_are_put_before_inside_and_behind():
    x, more = torch.tensor([[1.0, 2.0]]), torch.tensor([[9, 9]])
    columns = [insert_columns(x, at, more).tolist() for at in range(3)]
    assert columns == [[[9, 9, 1, 2]], [[1, 9, 9, 2]], [[1, 2, 9, 9]]]
