import math

import pytest
import torch
from rich.cells import cell_len
from rich.segment import Segment

from creditlib.report.credit_columns import Column
from creditlib.report.explain_layout import (
    BOLD,
    Layout,
    credit_scales,
    least_width,
    numbers_width,
    whole_line,
)


def scales(*credits):
    return credit_scales(
        [Column(f"own_{k}", turn_credit=torch.tensor([each])) for k, each in enumerate(credits)]
    )


def text_of(lines):
    return "".join(each.text if isinstance(each, Segment) else str(each) for each in lines)


def test_a_scale_holds_the_widest_number_and_the_largest_finite_credit():
    wide, plain, broken = scales([-1234.5, 2.0], [0.0, 0.5], [math.inf, math.nan])
    assert (wide.width, wide.largest) == (len("-1234.500"), 1234.5)
    assert (plain.width, plain.largest) == (len("+0.000"), 0.5)
    assert (broken.width, broken.largest) == (len("+0.000"), 0.0)


def test_a_long_name_takes_several_lines():
    credit = torch.tensor([[1.0]])
    (scale,) = credit_scales([Column("my.pkg:patient_grpo_of_\x1bturns", turn_credit=credit)])
    assert scale.lines == ("patient_", "grpo_", "of_", "turns")
    found = text_of(Layout([scale], 80, False, texts=True).headings()).splitlines()
    assert [line.split()[-1] for line in found] == list(scale.lines)


@pytest.mark.parametrize("texts", [("a door", "open"), ("部屋" * 40, "é" * 40), ("", "")])
@pytest.mark.parametrize("width", range(20, 130, 7))
def test_every_line_of_numbers_keeps_its_columns(texts, width):
    some = scales([1.0, -0.25], [3.0, 0.0])
    layout = Layout(some, width, False, texts=True)
    lines = text_of(layout.turn(7, 0.5, [-0.25, 3.0], texts)).splitlines()
    needed = numbers_width(some, bars=False)
    assert cell_len(lines[0]) == max(width, needed) or not layout.beside
    assert all(cell_len(line) <= max(width, needed) for line in lines)
    assert [word for word in lines[0].split() if word[0] in "+-"] == ["-0.250", "+3.000"]
    assert len(lines) == 1 + sum(map(bool, texts)) * (not layout.beside)


def test_bars_and_texts_have_their_place_from_the_least_width_on():
    some = scales([1.0], [3.0])
    assert Layout(some, least_width(some), False, texts=True).bars
    assert Layout(some, least_width(some), False, texts=True).beside
    assert not Layout(some, least_width(some) - 1, False, texts=True).bars


def test_a_line_that_is_too_long_goes_on():
    assert text_of(whole_line("12345", 5, BOLD)) == "12345\n"
    (folded,) = whole_line("12 345", 5, BOLD)
    assert folded.plain == "12 345"
