import pytest

from creditlib.testing.palettes import EXACT, FAMILIES, palette


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "drawn"])
def test_a_family_has_values_and_the_first_one_is_its_simplest(family):
    values = palette(family, 0)
    assert values
    assert values[0] in (0.0, 0.1, 10000.1)


def test_drawn_values_are_left_to_the_strategy():
    assert palette("drawn", 3) == ()


def test_the_constants_take_turns_and_are_no_round_numbers():
    assert len({palette("constant", number) for number in range(14)}) == 14
    assert palette("constant", 14) == palette("constant", 0)


@pytest.mark.parametrize("family", EXACT)
def test_sums_of_exact_values_are_exact_in_any_order(family):
    values = palette(family, 0)
    assert all((value * 4).is_integer() for value in values)


def test_two_values_are_two_and_ties_are_frequent():
    assert len(set(palette("two-valued", 0))) == 2
    assert palette("tied", 0).count(0.0) > len(palette("tied", 0)) / 2
    assert min(palette("offset", 0)) > 10_000
