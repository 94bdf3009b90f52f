import random

import pytest

from creditlib.report.changed_part import changed_part, common_beginning, shortened

HALL = "You are in a long hall. It is dark. You carry nothing."


@pytest.mark.parametrize(
    ("text", "previous", "expected"),
    [
        (HALL, "", HALL),
        (HALL, HALL, "(unchanged)"),
        (HALL, "A cellar.", HALL),
        ("You are in a long hall. It is light. You carry nothing.", HALL, "… light. …"),
        (f"{HALL} You hear a bell.", HALL, "… You hear a bell."),
        (f"Well done. {HALL}", HALL, "Well done. …"),
        ("You are in a long hall. You carry nothing.", HALL, "(removed) It is dark."),
        ("You are in a long hallway. It is dark.", HALL, "… hallway. It is dark."),
        ("You are in a long hallway.", "You are in a long hall.", "… hallway."),
        ("", HALL, f"(removed) {HALL}"),
        ("-= Hall =-\nIt is dark.", "-= Sauna =-\nIt is hot.", "-= Hall =-\nIt is dark."),
    ],
)
def test_what_is_new_is_left(text, previous, expected):
    assert changed_part(text, previous) == expected


def test_any_two_texts_can_be_compared():
    """Nothing is invented: what is shown stands in the text, or was removed from the other."""
    dice = random.Random(0)
    for _ in range(2000):
        a, b = ("".join(dice.choices("ab \n", k=dice.randrange(40))) for _ in "ab")
        found = changed_part(a, b)
        if found == "(unchanged)":
            assert a == b
        elif found.startswith("(removed) "):
            assert found.removeprefix("(removed) ") in b
        else:
            assert found.removeprefix("… ").removesuffix(" …") in a


def test_a_common_beginning_is_that_of_all_texts():
    texts = ["You see a red door.", "You see a red wall.", "You see a blue wall."]
    assert texts[0][: common_beginning(texts)] == "You see a "
    assert common_beginning([]) == common_beginning(["same text here"] * 3) == 0
    assert common_beginning(["a b", "a c"]) == 0  # too short to be worth a mark


def test_a_long_text_is_shortened_without_reading_all_of_it():
    assert shortened("x" * 10_000_000, 5) == "xxxx…"
    assert shortened(" " * 30 + "far", 5) == "…"
    assert shortened("a\x00b\u202ec", 10) == "a b c"
    assert shortened("abcde", 5) == "abcde"
