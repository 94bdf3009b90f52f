import pyarrow

from creditlib.inputs.ids import anchor_ids
from creditlib.rollouts.arrow_values import turns
from creditlib.rollouts.crediting.turn_columns import turn_columns


def test_turns_have_columns_for_keys_with_values():
    column = pyarrow.array(
        [[{"observation": "hall", "reward": 1.0, "tokens": [1, 2], "seconds": None}], []]
    )
    flat, count = turns(column)
    wanted = {"turn_reward", "anchor", "duration", "turn_length"}
    found = turn_columns(flat, count, wanted)
    assert {name: each.to_pylist() for name, each in found.items()} == {
        "turn_reward": [[1.0], []],
        "anchor": [anchor_ids([["hall"]])[0].tolist(), []],
        "turn_length": [[2], []],
    }
