import io
import json

from rich.console import Console

from creditlib.audit.miniatures import LIMITS, ClaimResult, Limit
from creditlib.report.claims_table import (
    claims_as_json,
    claims_table,
    effect_of,
    limit_sentences,
)

PASSED = ClaimResult("a", False, "It gains.", "gain", 0.25, 0.125, 0.5, "above 0", True, {"x": 1.0})
FAILED = ClaimResult("a", True, "It does not.", "gain", 2.0, None, None, "below 1", False, {})
LIMIT = Limit("It helps.", "It does not.", "The signal is 0.", True, (FAILED,))


def test_a_claim_that_fails_prints_as_failed():
    console = Console(file=io.StringIO(), width=150)
    console.print(claims_table([PASSED, FAILED]))
    lines = console.file.getvalue().splitlines()
    first, second = [line for line in lines if line.strip().startswith("a ")]
    assert "It gains." in first
    assert "+0.250 [+0.125, +0.500]" in first
    assert first.rstrip().endswith("above 0     passed")
    assert "Control. It does not." in second
    assert second.rstrip().endswith("below 1     FAILED")


def test_an_effect_without_an_interval():
    assert effect_of(FAILED) == "+2.000"


def test_what_does_not_reproduce_is_claim_finding_measurement_and_reason():
    assert limit_sentences([LIMIT]) == [
        "It helps. It does not. Measured now: gain +2.000. The signal is 0."
    ]


def test_json_by_hand():
    worse = FAILED._replace(effect=float("inf"))
    found = json.loads(claims_as_json([PASSED, worse], [LIMIT], seeds=3))
    assert list(found) == ["schema", "seeds", "base", "claims", "not_reproduced", "limits"]
    assert (found["schema"], found["seeds"], found["base"]) == (1, 3, 0)
    assert found["claims"][0] == {**PASSED._asdict(), "details": {"x": 1.0}}
    assert found["claims"][1]["effect"] is None
    assert found["not_reproduced"][0]["results"][0]["passed"] is False
    assert found["limits"] == list(LIMITS)
