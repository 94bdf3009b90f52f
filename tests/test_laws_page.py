"""The page of laws says what the laws and the declarations say."""

import re

from laws_page import PAGE, page
from test_laws_of_estimators import SUBJECTS

from creditlib.testing import LAWS


def numbers(text):
    """The lines on the last run."""
    start = text.index("## The last run")
    return text[start : text.index("## The laws")].splitlines()[:-1]


def test_the_page_is_what_the_laws_say():
    text = PAGE.read_text()
    assert text == page(numbers(text)), "run `make nightly`"


def test_the_last_run_was_of_every_pair():
    line = " ".join(numbers(PAGE.read_text()))
    kept = PAGE.read_text().count("✓") - 1  # one is in the legend
    found = re.search(
        r"(\d+) pairs of law and function, ([\d,]+) batches each .*, ([\d,]+) in all", line
    )
    pairs, each, tried = (int(part.replace(",", "")) for part in found.groups())
    assert pairs == kept
    assert each >= 5000
    once = sum(law.kind == "once" for law in LAWS.values()) * len(SUBJECTS)
    assert tried >= each * (pairs - once)


def test_a_law_that_was_renamed_would_be_noticed():
    text = PAGE.read_text()
    law = next(iter(LAWS))
    assert text.replace(law, "another_law") != page(numbers(text))
