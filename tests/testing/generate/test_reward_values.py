import pytest

from creditlib.testing.generate.reward_values import EXACT, FAMILIES, reward_values


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "drawn"])
def test_a_family_has_values_and_the_first_one_is_its_simplest(family):
    values = reward_values(family, 0)
    assert values
    assert values[0] in (0.0, 0.1, 10000.1)


def test_drawn_values_are_left_to_the_strategy():
    assert reward_values("drawn", 3) == ()


def test_the_constants_take_turns_and_are_no_round_numbers():
    assert len({reward_values("constant", number) for number in range(14)}) == 14
    assert reward_values("constant", 14) == reward_values("constant", 0)


@pytest.mark.parametrize("family", EXACT)
def test_sums_of_exact_values_are_exact_in_any_order(family):
    values = reward_values(family, 0)
    assert all((value * 4).is_integer() for value in values)


def test_two_values_are_two_and_ties_are_frequent():
    assert len(set(reward_values("two-valued", 0))) == 2
    assert reward_values("tied", 0).count(0.0) > len(reward_values("tied", 0)) / 2
    assert min(reward_values("offset", 0)) > 10_000
