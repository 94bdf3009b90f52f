import functools

import pytest

import creditlib as cl
from creditlib.names import public_functions
from creditlib.testing.declared import Declaration, declarations_of, declared
from creditlib.testing.laws import LAWS
from creditlib.testing.subject import subject_of
from creditlib.vocabulary import Reward

TEXT = """What it does.

    Breaks by design:
        a_law: it has
            no unit.
        one, two (scale=None, over=("a", "b")): because.

    Source: a paper: with a colon.
    """


def test_a_section_is_read_entry_by_entry():
    assert declarations_of(TEXT) == [
        Declaration("a_law", {}, "it has no unit."),
        Declaration("one", {"scale": (None,), "over": ("a", "b")}, "because."),
        Declaration("two", {"scale": (None,), "over": ("a", "b")}, "because."),
    ]


def test_a_text_without_the_section_declares_nothing():
    assert declarations_of("Source: a paper: with a colon.") == []
    assert declarations_of("") == []


def test_an_entry_that_is_none_is_an_error():
    with pytest.raises(ValueError, match=r"^not `law: reason`: 'no reason at all'$"):
        declarations_of("One.\n\nBreaks by design:\n    no reason at all\n")


def test_a_declaration_holds_for_the_options_it_names():
    both = declarations_of(TEXT)[1]
    assert both.holds({"scale": None, "over": "b", "more": 1})
    assert not both.holds({"scale": None, "over": "c"})
    assert not both.holds({"over": "a"})


def test_defaults_and_what_a_partial_binds_count_as_options():
    def estimator(*, reward: Reward, scale: float | None = None):
        """One.

        Breaks by design:
            order_does_not_matter (scale=None): so it is.
        """
        return reward, scale

    assert declared(subject_of(estimator, {})) == {"order_does_not_matter": "so it is."}
    assert declared(subject_of(estimator, {"scale": 2.0})) == {}
    assert declared(subject_of(functools.partial(estimator, scale=2.0), {})) == {}


def test_one_that_leaves_no_text_declares_nothing():
    def silent(*, reward: Reward):
        return reward

    assert declared(subject_of(silent, {})) == {}


@pytest.mark.parametrize("name", sorted(public_functions()))
def test_ours_declare_laws_that_exist_with_options_that_exist(name):
    function = getattr(cl, name)
    options = {**subject_of(function, {}).options, **subject_of(function, {}).fixed}
    for each in declarations_of(function.__doc__):
        assert each.law in LAWS
        assert set(each.options) <= set(options)
        assert each.reason.endswith(".")
