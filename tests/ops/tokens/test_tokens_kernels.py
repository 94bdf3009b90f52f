"""The Triton kernels of `spread`: what the tests of every backend do not reach."""

import math

import pytest
import torch
from helpers import F64, assert_same, turn_map

pytest.importorskip("triton")

from creditlib.inputs import layouts
from creditlib.ops.tokens import reference as spread
from creditlib.ops.tokens import triton_launch as spread_triton

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture(autouse=True)
def device():
    """Tensors are made where the kernels run: on a GPU, or in the interpreter."""
    with torch.device(DEVICE):
        yield


@pytest.fixture(params=["a program for turns of a row", "a program for a chunk"])
def form(request, monkeypatch):
    """Both forms of the sums, with chunks shorter than the rows."""
    least = 0 if "chunk" in request.param else 10**9
    for name, value in (("MANY", least), ("WIDE", least), ("RUN", 16)):
        monkeypatch.setattr(spread_triton, name, value)
    return request.param


def draws(seed, rows, turns, tokens):
    torch.manual_seed(seed)
    turn = turn_map(rows, turns, tokens)
    return torch.randn(rows, turns), torch.randn(rows, tokens), turn


@pytest.mark.parametrize("width", [1, 32, 33, 128, 129, 512, 513, 1100])
def test_every_tile_ends_where_the_rows_do(width):
    credit, weight, turn = draws(width, 3, 4, width)
    expected = spread.to_tokens(credit, turn, weight=weight)
    assert_same(spread_triton.to_tokens(credit, turn, weight=weight), expected)


@pytest.mark.parametrize("kind", [torch.int8, torch.int16, torch.int32, torch.int64])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, F64])
def test_weights_of_every_dtype(kind, dtype):
    credit, weight, turn = draws(1, 2, 3, 20)
    weight = torch.where(turn < 0, torch.nan, weight).to(dtype)
    expected = spread.to_tokens(credit, turn, weight=weight)
    assert_same(spread_triton.to_tokens(credit, turn.to(kind), weight=weight), expected)


@pytest.mark.parametrize("block", [4, 16, 1024])
@pytest.mark.parametrize(
    "length",
    [
        [7],
        [0, 0, 7, 0],
        [1] * 40,
        [40, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 50, 0, 0],
        [0] * 30 + [9],
        [5, 0, 0, 11] * 9,
    ],
)
@pytest.mark.parametrize("by_turn", [True, False])
def test_packed_tokens_find_their_rows(length, block, by_turn, monkeypatch):
    monkeypatch.setattr(spread_triton, "PACKED", block)
    torch.manual_seed(0)
    offsets = layouts.offsets_of(torch.tensor(length))
    parts = [turn_map(1, 3, n)[0] for n in length]
    turn = torch.cat(parts)
    credit = torch.randn(len(length), 3) if by_turn else torch.randn(len(length))
    expected = spread.to_tokens(credit, turn, offsets=offsets)
    for given in (offsets, offsets.int()):
        assert_same(spread_triton.to_tokens(credit, turn, offsets=given), expected)


def test_strides_of_all_arguments_are_honoured():
    credit, weight, turn = draws(3, 4, 3, 10)
    expected = spread.to_tokens(credit, turn, weight=weight)
    around = torch.full((4, 16), 77.0)
    out = around[:, 3:13]
    given = {"weight": torch.cat([weight, weight], 1)[:, :10], "out": out}
    result = spread_triton.to_tokens(
        torch.cat([credit, credit], 1)[:, :3], torch.cat([turn, turn], 1)[:, :10], **given
    )
    assert result.data_ptr() == out.data_ptr()
    assert_same(out, expected)
    assert (around[:, :3] == 77).all()
    assert (around[:, 13:] == 77).all()
    # Columns in rows' places: credit and turn are copied, the result is written back.
    out = torch.full((10, 4), 77.0).T
    spread_triton.to_tokens(credit.T.contiguous().T, turn.T.contiguous().T, weight=weight, out=out)
    assert_same(out, expected)
    # One credit for all rows, and one for all turns.
    for same in (credit[:1].expand(4, 3), credit[:, :1].expand(4, 3)):
        assert_same(spread_triton.to_tokens(same, turn), spread.to_tokens(same, turn))
    assert_same(
        spread_triton.to_tokens(credit[:, 0], turn), spread.to_tokens(credit[:, 0].clone(), turn)
    )


def test_a_turn_without_a_column_reads_nothing_of_its_neighbours(monkeypatch):
    # As on a GPU, where nobody looks: 0, not what lies behind the row.
    monkeypatch.setattr(spread_triton, "refuse_turns", lambda *_: None)
    around = torch.full((2, 9), torch.nan)
    around[:, :2] = 1.0
    turn = torch.tensor([[0, 1, 2, -1], [2**40, 8, 1, 300]])
    expected = torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 0]])
    assert_same(spread_triton.to_tokens(around[:, :2], turn), expected)
    offsets = torch.tensor([0, 4, 8])
    packed = spread_triton.to_tokens(around[:, :2], turn.view(-1), offsets=offsets)
    assert_same(packed, expected.view(-1))
    for least in (10**9, 0):  # both forms of the sums
        monkeypatch.setattr(spread_triton, "MANY", least)
        monkeypatch.setattr(spread_triton, "WIDE", least)
        sums = spread_triton.sum_turns(torch.ones(2, 4), turn, 2)
        assert_same(sums, torch.tensor([[1.0, 1.0], [0.0, 1.0]]))


@pytest.mark.usefixtures("form")
def test_sums_by_hand_over_several_chunks_and_blocks_of_turns(monkeypatch):
    monkeypatch.setattr(spread_triton, "RUN", 4)
    monkeypatch.setattr(spread_triton, "CHUNK", 4)
    monkeypatch.setattr(spread_triton, "TURNS", 2)
    # token t belongs to turn t // 3 and is worth t: turn k has 3k, 3k + 1, 3k + 2
    token = torch.arange(15)
    sums = spread_triton.sum_turns(token[None].float(), (token // 3)[None], 5)
    assert sums.tolist() == [[3, 12, 21, 30, 39]]
    counts = spread_triton.sum_turns(torch.ones(1, 15, dtype=torch.bool), (token // 3)[None], 6)
    assert counts.tolist() == [[3, 3, 3, 3, 3, 0]]


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_neither_padding_nor_gaps_nor_order_change_a_bit_of_a_sum(dtype, monkeypatch):
    monkeypatch.setattr(spread_triton, "CHUNK", 8)
    _, x, turn = draws(5, 2, 3, 30)
    x = (x * 10.0 ** (torch.arange(30) % 9)).to(dtype)
    expected = spread_triton.sum_turns(x, turn, 3)
    # float64 sums, as good as those of the reference
    assert_same(expected.float(), spread.sum_turns(x, turn, 3).float())
    order = torch.randperm(30)
    # As on a GPU, where nobody looks at the order of the ids.
    monkeypatch.setattr(spread_triton, "refuse_turns", lambda *_: None)
    assert_same(spread_triton.sum_turns(x[:, order], turn[:, order], 3), expected)
    wide = torch.full((2, 70), torch.nan, dtype=dtype)
    gaps = torch.full((2, 70), -1)
    wide[:, 3:63:2], gaps[:, 3:63:2] = x, turn
    assert_same(spread_triton.sum_turns(wide, gaps, 3), expected)
    offsets = torch.tensor([0, 70, 140])
    packed = spread_triton.sum_turns(wide.view(-1), gaps.view(-1), 3, offsets=offsets)
    assert_same(packed, expected)


@pytest.mark.parametrize("kind", [torch.int8, torch.int64])
@pytest.mark.parametrize("dtype", [torch.bool, torch.int32, torch.bfloat16, torch.float32, F64])
def test_both_forms_of_the_sums_are_the_same_bits(kind, dtype, monkeypatch):
    monkeypatch.setattr(spread_triton, "RUN", 8)
    lengths = torch.tensor([0, 13, 1, 0, 0, 30, 8, 3, 0])
    offsets, tokens = layouts.offsets_of(lengths), int(lengths.sum())
    turn = torch.cat([turn_map(1, 4, n)[0] for n in lengths.tolist()]).to(kind)
    x = (torch.randn(tokens) * 10.0 ** torch.randint(0, 6, (tokens,))).to(dtype)
    found = {}
    for least in (10**9, 0):
        monkeypatch.setattr(spread_triton, "MANY", least)
        monkeypatch.setattr(spread_triton, "WIDE", least)
        packed = [spread_triton.sum_turns(x, turn, 4, offsets=y) for y in (offsets, offsets.int())]
        assert_same(*packed)
        # Two rows of which only the first columns count, as parts of wider ones.
        wide = torch.stack([x, x.flip(0)])[:, : tokens - 5]
        ids = torch.stack([turn[:0].new_full((tokens,), 3), turn * 0 + 1])[:, : tokens - 5]
        found[least] = packed[0], spread_triton.sum_turns(wide, ids, 4)
    for few, many in zip(found[10**9], found[0], strict=True):
        assert_same(many, few)


@pytest.mark.usefixtures("form")
def test_sums_are_exact_to_the_last_place():
    torch.manual_seed(6)
    x = torch.randn(4, 200, dtype=F64) * 10.0 ** torch.randint(0, 5, (4, 200))
    sums = spread_triton.sum_turns(x, torch.zeros(4, 200, dtype=torch.int64), 1)
    assert sums[:, 0].tolist() == [math.fsum(row) for row in x.tolist()]


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("bad", [torch.inf, torch.nan])
def test_what_is_not_finite_stays_in_its_turn(bad):
    x, turn = torch.tensor([[1.0, bad, 2.0, 4.0, 9.0]]), torch.tensor([[0, 1, 1, 2, -1]])
    sums = spread_triton.sum_turns(x, turn, 3)
    assert sums[0, [0, 2]].tolist() == [1, 4]
    assert not sums[0, 1].isfinite()
    assert sums[0, 1].isnan() == (bad != torch.inf)


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("shape", [(0, 3, 4), (2, 0, 4), (2, 3, 0), (0, 0, 0)])
def test_empty_shapes(shape):
    rows, turns, tokens = shape
    turn = torch.full((rows, tokens), -1)
    down = spread_triton.to_tokens(torch.ones(rows, turns), turn)
    assert_same(down, torch.zeros(rows, tokens))
    assert_same(spread_triton.to_tokens(torch.ones(rows), turn), torch.zeros(rows, tokens))
    up = spread_triton.sum_turns(torch.ones(rows, tokens), turn, turns)
    assert_same(up, torch.zeros(rows, turns))
    flat, offsets = turn.view(-1), torch.arange(rows + 1) * tokens
    up = spread_triton.sum_turns(torch.ones(rows * tokens), flat, turns, offsets=offsets)
    assert_same(up, torch.zeros(rows, turns))
