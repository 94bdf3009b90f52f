import json

from cli_runs import error_of, run

from creditlib.audit import miniatures as package
from creditlib.audit.miniatures import LIMITS, ClaimResult


def test_a_claim_with_its_criterion_and_below_it_the_limits():
    found = run("claims", "--which", "c", "--seeds", "2")
    assert found.exit_code == 0
    flat = " ".join(found.stdout.split())
    for words in ("passed", "Control. ", "What does not reproduce here", *LIMITS):
        assert words in flat


FAILED = ClaimResult("c", False, "It gains.", "gain", 0.0, None, None, "above 0", False, {})


def test_json_is_all_there_is(monkeypatch):
    monkeypatch.setitem(package.CLAIMS, "c", lambda runs: [FAILED])
    read = json.loads(run("claims", "--which", "c", "--seeds", "2", "--json").stdout)
    assert [each["passed"] for each in read["claims"]] == [False]
    assert read["seeds"] == 2
    assert len(read["not_reproduced"]) > 5


def test_a_claim_that_fails_is_exit_code_1(monkeypatch):
    monkeypatch.setitem(package.CLAIMS, "c", lambda runs: [FAILED])
    found = run("claims", "--which", "c")
    assert found.exit_code == 1
    assert "FAILED" in found.stdout


def test_an_unknown_letter_is_one_sentence(monkeypatch, capsys):
    assert error_of(monkeypatch, capsys, "claims", "--which", "az") == (
        "creditlib: claims: `--which` must be letters of abcdef, got 'z'.\n"
    )
