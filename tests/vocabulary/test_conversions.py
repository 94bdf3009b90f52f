import torch

from creditlib.vocabulary.conversions import as_reward, runs_of_mask


def test_flags_and_short_integers_fit_float32():
    for kind in (torch.bool, torch.int8, torch.int16, torch.uint8):
        found = as_reward(torch.tensor([1, 0]).to(kind))
        assert found.dtype == torch.float32
        assert found.tolist() == [1, 0]


def test_long_integers_are_exact():
    """2^24 + 1 is no float32, 2^53 is a float64."""
    for number, kind in ((2**24 + 1, torch.int32), (2**53, torch.int64)):
        assert as_reward(torch.tensor([number], dtype=kind)).tolist() == [number]


def test_runs_by_hand():
    mask = torch.tensor([[1, 1, 0, 1], [0, 0, 0, 0]], dtype=torch.bool)
    assert runs_of_mask(mask).tolist() == [[0, 0, -1, 1], [-1, -1, -1, -1]]
    assert runs_of_mask(mask[:, :0]).shape == (2, 0)


def test_runs_of_packed_rows_by_hand():
    """Rows of 2, 0 and 3 tokens; the first token of a row begins a run."""
    mask = torch.tensor([0, 1, 1, 0, 1], dtype=torch.bool)
    offsets = torch.tensor([0, 2, 2, 5])
    assert runs_of_mask(mask, offsets).tolist() == [-1, 0, 0, -1, 1]
