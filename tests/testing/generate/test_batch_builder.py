import torch
from jaxtyping import Float, Int
from torch import Tensor

from creditlib.testing.generate.batch_builder import BatchConfig, build, byte_layout
from creditlib.testing.generate.byte_rows import COUNTS, HEAD, TURNS
from creditlib.testing.subject import subject_of
from creditlib.vocabulary import (
    CoalitionValue,
    Finished,
    Group,
    JoinOrder,
    Length,
    Offsets,
    Present,
    Reward,
    Started,
    Turn,
    TurnCount,
    TurnLength,
    TurnReward,
    Valid,
)
from creditlib.vocabulary.annotations import tensors_of


def everything(
    *,
    reward: Reward,
    group: Group,
    valid: Valid,
    turn_reward: TurnReward,
    turn_count: TurnCount,
    turn_length: TurnLength,
    length: Length,
    turn: Turn,
    present: Present,
):
    """Never called."""


LAYOUT = byte_layout(tensors_of(everything))


def row(*, group=0, valid=0, turns=1, lead=0, tail=0, sizes=(), gaps=(), rest=b""):
    """The bytes of a trajectory that has `turns` turns."""
    head = [group, valid, COUNTS.index(turns), lead, tail]
    head += [size - 1 for size in (*sizes, *[1] * (TURNS - len(sizes)))]
    head += [*gaps, *[0] * (TURNS - len(gaps))]
    assert len(head) == HEAD
    return bytes(head) + rest.ljust(LAYOUT.size - HEAD, b"\0")


def built(*rows, names=tuple(LAYOUT.tensors), **config):
    return build(LAYOUT, names, rows, BatchConfig(**config))


def test_a_row_of_zeros_is_one_turn_of_one_token_that_earned_nothing():
    batch = built(bytes(LAYOUT.size))
    assert batch["turn"].tolist() == [[0, -1]]
    assert batch["turn_count"].tolist() == batch["length"].tolist() == [1]
    assert batch["reward"].tolist() == [0.0]
    assert batch["valid"].tolist() == [True]


def test_turns_gaps_lead_and_tail_lie_where_the_bytes_say():
    batch = built(row(turns=2, lead=1, tail=2, sizes=(2, 1), gaps=(2,)))
    assert batch["turn"].tolist() == [[-1, 0, 0, -1, -1, 1, -1, -1]]
    assert batch["present"].tolist() == [[True] * 8]
    assert batch["turn_length"].tolist() == [[2, 1]]
    assert batch["length"].tolist() == [3]


def test_padding_is_on_the_side_and_as_wide_as_told():
    rows = [row(turns=1), row(turns=3)]
    left = built(*rows, pad_left=True, extra_tokens=2)["turn"]
    assert left[0].tolist() == [-1] * 5 + [0]  # a column more than the 3 turns, and 2
    assert built(*rows, extra_turns=2)["turn_reward"].shape == (2, 5)


def test_packed_rows_lie_end_to_end():
    def packed(*, reward: Reward, turn: Turn, offsets: Offsets):
        """Never called."""

    layout = byte_layout(tensors_of(packed))
    rows = [bytes(layout.size), bytes([0, 0, 1]) + bytes(layout.size - 3)]
    batch = build(layout, ["reward", "turn", "offsets"], rows, BatchConfig(packed=True))
    assert batch["turn"].tolist() == [0, 0, 1]
    assert batch["offsets"].tolist() == [0, 1, 3]


def test_groups_go_with_the_last_row_with_an_earlier_one_or_begin():
    last, begin, first, second = 0, 1, 2, 2 + 3 * 1
    rows = [row(group=byte) for byte in (begin, last, begin, first, second, last)]
    assert built(*rows)["group"].tolist() == [0, 0, 1, 0, 0, 0]
    rows = [row(group=byte) for byte in (last, begin, begin, second, 2 + 3 * 2)]
    assert built(*rows)["group"].tolist() == [0, 1, 2, 1, 2]


def test_groups_by_position_are_all_of_one_size():
    rows = [row(group=byte) for byte in (2, 0, 1, 2)]
    assert built(*rows, group_size=2)["group"].tolist() == [0, 0, 1, 1]


def test_what_is_a_part_never_exceeds_the_whole():
    def jobs(*, started: Started, finished: Finished, turn_count: TurnCount):
        """Never called."""

    layout = byte_layout(tensors_of(jobs))
    raws = [bytes([0, 0, 4]) + bytes((7 * i) % 256 for i in range(layout.size - 3))]
    batch = build(layout, list(layout.tensors), raws, BatchConfig(values=(0.0, 3.0, 1.0)))
    assert bool((batch["finished"] <= batch["started"]).all())


def joined(*, join_order: JoinOrder, coalition_value: CoalitionValue, turn_count: TurnCount):
    """Never called."""


def test_an_order_is_a_permutation_of_the_turns_by_their_bytes():
    layout = byte_layout(tensors_of(joined))
    plain = bytes([0, 0, COUNTS.index(3)]) + bytes(layout.size - 3)
    start = layout.start["join_order"]
    shuffled = bytearray(plain)
    shuffled[start : start + 3] = bytes([9, 4, 7])  # of the first sample
    batch = build(
        layout, list(layout.tensors), [plain, bytes(shuffled)], BatchConfig(extra_turns=1)
    )
    assert batch["join_order"][0].tolist() == [[0, 1, 2, -1]] * 3
    assert batch["join_order"][1].tolist() == [[1, 2, 0, -1], [0, 1, 2, -1], [0, 1, 2, -1]]
    assert batch["coalition_value"].shape == (2, 3, 5)
    empty = build(layout, list(layout.tensors), [], BatchConfig())
    assert empty["join_order"].shape == (0, 3, 0)


def test_values_of_coalitions_are_one_more_than_turns():
    layout = byte_layout(tensors_of(joined))
    raw = bytearray(bytes([0, 0, COUNTS.index(2)]) + bytes(layout.size - 3))
    start = layout.start["coalition_value"]
    raw[start : start + 15] = bytes([1] * 15)
    config = BatchConfig(values=(0.0, 2.0), extra_turns=1, fill=torch.nan)
    values = build(layout, list(layout.tensors), [bytes(raw)], config)["coalition_value"]
    assert values.nan_to_num(7.0).tolist() == [[[2.0, 2.0, 2.0, 7.0]] * 3]


def test_no_rows_make_empty_tensors_of_the_right_shape():
    shapes = {name: tuple(x.shape) for name, x in built().items()}
    assert shapes["reward"] == (0,)
    assert shapes["turn_reward"] == (0, 0)
    assert shapes["turn"] == (0, 1)


def test_axes_that_nobody_knows_have_a_size_of_their_own():
    def stranger(
        *, reward: Reward, mood: Float[Tensor, "batch feeling"], kinds: Int[Tensor, "kind"]
    ):
        """Never called."""

    tensors = subject_of(stranger, {}).tensors
    layout = byte_layout(tensors)
    for rows in ([], [bytes(layout.size)] * 3):
        batch = build(layout, list(tensors), rows, BatchConfig())
        assert batch["mood"].shape == (len(rows), 4)
        assert batch["kinds"].shape == (4,)
        assert batch["kinds"].dtype == torch.int64
