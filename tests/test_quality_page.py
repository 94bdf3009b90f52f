"""docs/quality.md: what its cells say, by hand, and that the committed run is of the tasks."""

import json
import re

import pytest

from creditlib.audit.miniatures import LIMITS
from creditlib.audit.tasks import TASKS
from docs import quality_run
from docs.print_pages import quality

RUN = {
    "versions": {"torch": "2"},
    "settings": {"groups": 10, "size": 8, "seeds": 2, "updates": 5, "seed": 0},
    "tasks": {"key": "d1", "door": "d2"},
    "estimators": {
        "oracle": {
            "needs": ["oracle_advantage"],
            "quality": {"key": {"usnr_over_oracle": [1.0, 1.0, 1.0], "cosine": [1.0, 1.0, 1.0]}},
            "exact": {"recovery": {"2": [1.0, 1.0, 0.0]}},
            "path": {},
        },
        "good": {
            "needs": ["reward"],
            "quality": {"key": {"usnr_over_oracle": [0.5, 0.4, 0.6], "cosine": [0.95, 0.94, 0.96]}},
            "exact": {"recovery": {"2": [0.9882, 1.2132, 0.04]}},
            "path": {"key": {"0": 1.0, "20": 0.95}},
        },
        "hack": {
            "needs": ["reward"],
            "quality": {
                "key": {"usnr_over_oracle": [0.55, 0.5, 0.6], "cosine": [0.5, 0.4, 0.6]},
                "door": {"usnr_over_oracle": [None, None, None], "cosine": [0.8, 0.5, 1.0]},
            },
            "exact": {"recovery": {"2": [None, 0.0, 0.04]}},
            "path": {"key": {"0": 0.5, "20": None}},
        },
        "weak": {
            "needs": ["reward"],
            "quality": {"key": {"usnr_over_oracle": [0.1, 0.05, 0.2], "cosine": [1.0, 1.0, 1.0]}},
            "exact": {},
            "path": {},
        },
        "lame": {
            "needs": ["reward"],
            "quality": {"key": {"usnr_over_oracle": [0.1, 0.05, 0.2], "cosine": [1.0, 1.0, 1.0]}},
            "exact": {},
            "path": {},
        },
        "deaf": {"missing": ["rollout"]},
    },
    "learning": {
        "key": {"good": [0.5, 0.4, 0.6], "hack": [0.1, 0.0, 0.2], "weak": [0.2, 0.1, 0.3]}
    },
}


@pytest.fixture(autouse=True)
def run(monkeypatch):
    monkeypatch.setattr(quality, "data", lambda: RUN)


def row(lines, name):
    return next(line for line in lines if line.startswith(f"| `{name}` |"))


def test_what_reads_exact_values_does_not_compete_and_intervals_share_the_first_place():
    """hack is first with .55 [.5, .6]; good reaches it with .6, weak does not with .2."""
    lines = quality.usnr()
    assert row(lines, "oracle") == "| `oracle` | 100 ± .00 |  |"
    assert row(lines, "good") == "| `good` | **50.0 ± 10.0** |  |"
    assert row(lines, "hack") == "| `hack` | **55.0 ± 5.00** | – |"
    assert row(lines, "weak") == "| `weak` | 10.0 ± 7.50 |  |"


def test_winners_are_named_and_a_bias_is_said():
    lines = quality.wins()
    assert "| key | `good`, `hack` (biased) | `good` |" in lines
    assert "| door | none: no estimator has a measured interval | not run |" in lines


def test_where_most_are_not_told_apart_it_hardly_matters(monkeypatch):
    cells = {"good": [0.5, 0.4, 0.6], "hack": [0.5, 0.4, 0.6], "weak": [0.0, 0.0, 0.1]}
    monkeypatch.setattr(quality, "data", lambda: {**RUN, "learning": {"key": cells}})
    assert "the choice hardly matters: 2 of 3 do not differ clearly |" in "\n".join(quality.wins())


def test_cosines_below_the_gate_are_biased_if_the_interval_says_so():
    lines = quality.cosines()
    assert row(lines, "good") == "| `good` | 0.950 |  |"
    assert row(lines, "hack") == "| `hack` | **biased 0.50** | ? |"


def test_the_exact_table():
    lines = quality.exacts()
    assert row(lines, "oracle").startswith("| `oracle` | **exact** |")
    assert row(lines, "good") == "| `good` | 1.21, 0.9882 |  |  |  | 0.9882 recovery |"
    assert row(lines, "hack") == "| `hack` | .00, – |  |  |  | – |"


def test_paths_below_the_gate_only():
    assert quality.paths()[2:] == ["| `hack` | key | 0.50 | ? |"]


def test_the_whole_page_has_its_limits_and_who_is_left_out():
    text = quality.page()
    for limit in LIMITS:
        assert f"\n- {limit}" in text
    assert "| `deaf` | `rollout` |" in text


def test_the_committed_run_is_of_the_tasks_that_are():
    """Run `python -m docs.quality_run` after a change of a task."""
    read = json.loads(quality.DATA.read_text())
    assert read["tasks"] == {task().name: task().digest for task in TASKS.values()}
    assert quality_run.as_text(read) == quality.DATA.read_text()


def test_a_run_of_two_estimators_by_hand():
    """RLOO is unbiased: cosine and scale 1. No task of the run has information gain."""
    found = quality_run.run(["rloo", "igpo"], groups=20, seeds=1, updates=2, names=["recovery"])
    rloo, igpo = (found["estimators"][name] for name in ("rloo", "igpo"))
    assert rloo["exact"]["recovery"]["2"][:2] == [1.0, 1.0]
    assert list(rloo["quality"]["recovery"]) == list(quality_run.METRICS)
    assert igpo["missing"] == ["information_gain"]
    assert "quality" not in igpo
    assert set(found["learning"]["recovery"]) == {"rloo"}
    assert "NaN" not in quality_run.as_text(found)


def test_the_advice_cites_the_committed_run():
    """Every "TASK: `name` number, …" of which_estimator.md is a number of quality.json."""
    read = json.loads(quality.DATA.read_text())["estimators"]
    text = (quality.DATA.parents[1] / "which_estimator.md").read_text()
    found = re.findall(r"(\w+):\s((?:`\w+`\s[\d.]*\d(?:,\s)?)+)", text.split("## A group", 1)[1])
    cited = [
        (task, *each) for task, row in found for each in re.findall(r"`(\w+)`\s([\d.]*\d)", row)
    ]
    assert len(cited) > 15
    for task, name, number in cited:
        assert f"{100 * read[name]['quality'][task]['usnr_over_oracle'][0]:.3g}" == number
