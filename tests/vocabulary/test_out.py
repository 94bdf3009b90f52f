"""What a result is written into: refused in one sentence, before anything is computed."""

import pytest
import torch

from creditlib.vocabulary.out import check_out, out_pair

TURN = torch.zeros(2, 3, dtype=torch.int64)


@pytest.mark.parametrize(
    ("out", "fact"),
    [
        (torch.zeros(2, 2), "torch.float32 (2, 3), got torch.float32 (2, 2)"),
        (torch.zeros(2, 3).half(), "torch.float32 (2, 3), got torch.float16 (2, 3)"),
        (torch.zeros(2, 3, device="meta"), "torch.float32 (2, 3) on cpu, got meta"),
        (
            torch.zeros(2, 1).expand(2, 3),
            "torch.float32 (2, 3) with memory of its own, got an expanded tensor",
        ),
    ],
)
def test_out_is_refused(out, fact, refusal):
    sentence = refusal(check_out, "gae", TURN, torch.float32, out)
    assert sentence == f"gae: `out` must be {fact}."


def test_out_of_the_right_kind_is_taken():
    check_out("gae", TURN, torch.float32, torch.zeros(2, 3), None)
    check_out("gae", TURN[:1, :1], torch.float32, torch.zeros(1, 1).expand(1, 1))


def test_a_pair_is_two_tensors(refusal):
    one, two = torch.zeros(1), torch.ones(1)
    assert out_pair("gae", None) == (None, None)
    assert out_pair("gae", (one, two)) == (one, two)
    for wrong, fact in (
        ((one,), "tuple"),
        (one, "torch.float32 (1,)"),
        ((one, one), "one tensor twice"),
    ):
        sentence = refusal(out_pair, "gae", wrong)
        assert sentence == f"gae: `out` must be two tensors, (advantage, returns), got {fact}."
