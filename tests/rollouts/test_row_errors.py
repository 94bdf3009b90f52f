import json

import pytest

from creditlib import rollouts
from creditlib.rollouts import Converted, RolloutFormat
from creditlib.rollouts.row_errors import named_place
from creditlib.vocabulary.messages import ContractError

PLACES = ["x line 1", "x line 2", "x line 3"]


def inverses(rows, places):
    return [1 / row["n"] for row in rows]


def test_the_first_row_that_fails_alone_is_named(refusal):
    rows = [{"n": 2}, {"n": 0}, {}]
    assert refusal(named_place, inverses, rows, PLACES) == (
        "rollouts: a row must have a form that its format knows, got ZeroDivisionError: division "
        "by zero in x line 2."
    )


def test_rows_that_fail_only_together_are_named_together(refusal):
    def pairs(rows, places):
        if len(rows) > 1:
            raise KeyError("pair")

    text = refusal(named_place, pairs, [{}, {}, {}], PLACES)
    assert text.endswith("got KeyError: 'pair' in the rows from x line 1 to x line 3.")


def test_a_refusal_passes_as_it_is(refusal):
    def refuse(rows, places):
        raise ContractError("no")

    assert refusal(named_place, refuse, [{}], PLACES[:1]) == "no"


@pytest.mark.parametrize(
    "error", [ValueError, TypeError, KeyError, IndexError, RecursionError, OverflowError, OSError]
)
def test_every_error_of_a_format_of_your_own_is_one_sentence(error, refusal, tmp_path):
    def convert(rows, places):
        for row in rows:
            if row["question"] == "2*2":
                raise error("this\nway")
        return Converted(rows, places)

    quiz = RolloutFormat("quiz", frozenset({"question"}), convert)
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps({"question": q}) + "\n" for q in ("1*1", "2*2")))
    text = refusal(rollouts.read, path, format=quiz)
    assert error.__name__ in text
    assert text.endswith(f" in {path} line 2.")
    assert "\n" not in text
