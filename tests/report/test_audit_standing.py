import torch
from audit_by_hand import MINE, audit, quality

from creditlib.audit.result import Tiers
from creditlib.audit.rows import QualityRow
from creditlib.report.audit_standing import HEADINGS, cells, cost_of, standings
from creditlib.testing import assert_close


def by_name(found):
    return {each.name: each for each in standings(found)}


def test_by_hand():
    """rloo: (.2 + .4) / 2 = .3, half √(.1² + 0²) / 2 = .05; mine: .5, half √(.1² + .1²) / 2."""
    found = by_name(audit())
    mean = found["rloo"].usnr
    assert_close(torch.tensor(mean[:3]), torch.tensor([0.3, 0.25, 0.35]))
    half = (0.1**2 + 0.1**2) ** 0.5 / 2
    assert_close(torch.tensor(found["mine"].usnr[:3]), torch.tensor([0.5, 0.5 - half, 0.5 + half]))
    assert_close(torch.tensor(found["rloo"].dead), torch.tensor(0.25))  # (0 + .5) / 2


def test_one_with_fewer_tasks_has_no_rank_however_good():
    assert [(each.name, each.rank) for each in standings(audit())] == [
        ("mine", 1),
        ("rloo", 2),
        ("hack", None),
    ]
    assert by_name(audit())["hack"].missed == ("door",)


def test_the_gate_is_the_cosine_and_its_interval():
    found = by_name(audit())
    assert (found["hack"].biased, found["hack"].unsure) == (("key",), ())
    assert (found["mine"].biased, found["mine"].unsure) == ((), ())
    tiers = Tiers(quality=tuple(quality("key", (0.5, 0.4, 0.6), (0.85, 0.7, 0.95), (0, 0, 0))))
    found = by_name(audit(own=tiers))
    assert (found["mine"].biased, found["mine"].unsure) == ((), ("key",))
    assert cells(found["mine"])[3] == "unsure: 0.850 key"


def test_cells_have_a_text_for_each_heading():
    found = {name: cells(each) for name, each in by_name(audit()).items()}
    assert found["mine"] == [
        *("1", "mine", "50 [42.9, 57.1]", "0.950 door", "-0.250 key @20", "10 %"),
        *("0.800 [0.700, 0.900]", "4.5 critic calls"),
    ]
    assert found["hack"] == [
        *("–", "hack", "90 [80, 100], on 1 task only", "biased: 0.500 key", "–", "0 %", "–", "–"),
    ]
    assert {len(each) for each in found.values()} == {len(HEADINGS)}


def test_what_is_undefined_everywhere_is_a_dash():
    empty = [QualityRow("key", metric, None, None, None) for metric in ("cosine", "dead")]
    found = by_name(audit(own=Tiers(quality=tuple(empty)), learning=()))
    assert cells(found["mine"]) == ["–", "mine", "–", "–", "–", "–", "–", "–"]


def test_leakage_and_correlation_rank_nothing():
    leaks = [QualityRow(t, m, 9.0, 9.0, 9.0) for t in ("key", "door") for m in ("leakage",)]
    changed = Tiers(quality=(*MINE.quality, *leaks), facts=MINE.facts, path=MINE.path)
    before = [cells(each) for each in standings(audit())]
    assert [cells(each) for each in standings(audit(own=changed))] == before


def test_costs_are_words():
    assert cost_of({}) == "–"
    assert cost_of({"costs": {"extra_rollouts": 1.0, "policy_calls": 3.0}}) == (
        "1 rollout, 3 policy calls"
    )
