import io
import json

import pytest
from rich.console import Console

from creditlib import __version__
from creditlib.report import law_report
from creditlib.report.law_list import links_of
from creditlib.testing import LAWS
from creditlib.testing.engine.runner import Report, Verdict

LAW = LAWS["lone_members_get_nothing"]
CODE = "own(reward=torch.tensor([1.0]))\n# [1]"
REPORT = Report(
    "own",
    (
        Verdict(LAWS["credit_is_finite"], "kept", 100, 0.5),
        Verdict(LAW, "broken", 7, 0.25, "the only member of a group got credit", CODE),
        Verdict(LAWS["credit_sums_to_zero"], "by design", reason="only the best is paid"),
        Verdict(LAWS["order_does_not_matter"], "untried", sentence="groups lie together"),
        Verdict(LAWS["packed_rows_equal_padded_rows"], "not applicable"),
    ),
)


def shown(print_on):
    console = Console(file=io.StringIO(), width=120)
    print_on(console)
    return console.file.getvalue()


def test_the_table_has_a_row_for_each_law_that_applies():
    text = shown(lambda console: console.print(law_report.verdict_table(REPORT)))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0] == "own: 1 kept, 1 broken, 1 by design, 1 not tested; 1 law does not apply"
    assert lines[4:8] == [
        "credit_is_finite contract kept 100",
        "order_does_not_matter invariance not tested groups lie together",
        "lone_members_get_nothing property broken 7 the only member of a group got credit",
        "credit_sums_to_zero property by design only the best is paid",
    ]
    assert "packed_rows_equal_padded_rows" not in text


def test_a_property_is_no_fault_and_a_consequence_names_its_cause():
    few = REPORT.verdicts[1], REPORT.verdicts[1]
    nan = Verdict(LAWS["credit_is_finite"], "broken", 1, 0.1, "NaN")
    follows = Verdict(LAWS["credit_sums_to_zero"], "broken", 1, 0.1, "nan", because=nan.law.name)
    late = Verdict(LAWS["every_argument_is_heard"], "undecided", 3, 0.1, "too few")
    report = Report("own", (*few, follows, late, nan), "invariance")
    text = shown(lambda console: console.print(law_report.verdict_table(report)))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0] == "own: 1 broken, 2 do not hold, 1 undecided"
    assert "credit_sums_to_zero property does not hold 1 follows from credit_is_finite" in lines
    assert "every_argument_is_heard contract undecided 3 too few" in lines
    shown_below = shown(lambda console: law_report.print_broken(report, console))
    assert shown_below.startswith("credit_is_finite (contract)\n")  # the root cause is first
    assert "this also breaks: credit_sums_to_zero\n" in shown_below
    assert [
        each["fault"] for each in json.loads(law_report.as_json(report, "rloo", None))["verdicts"]
    ] == [
        *(False, False, False, False, True),
    ]


def test_a_report_without_verdicts_says_so():
    text = shown(lambda console: console.print(law_report.verdict_table(Report("own", ()))))
    assert text.splitlines()[0].strip() == "own: no law applies"


def test_a_broken_law_is_shown_with_its_code_and_its_threads():
    lines = shown(lambda console: law_report.print_broken(REPORT, console)).splitlines()
    assert lines[0] == "lone_members_get_nothing (property)"
    assert lines[1] == f"demands: {LAW.sentence}"
    assert lines[2] == "found: the only member of a group got credit"
    assert [line.rstrip() for line in lines[3:5]] == [f"    {line}" for line in CODE.splitlines()]
    assert "related: https://github.com/volcengine/verl/issues/7581" in lines
    assert not any("credit_is_finite" in line for line in lines)


def test_the_object_has_everything():
    found = json.loads(law_report.as_json(REPORT, "rloo", "verl"))
    assert (found["function"], found["signature"]) == ("rloo", "verl")
    assert found["strict"] == "property"
    assert found["imports"][-1].endswith(" import rloo")
    assert found["versions"]["creditlib"] == __version__
    assert len(found["verdicts"]) == len(REPORT.verdicts)
    assert found["verdicts"][1] == {
        "law": "lone_members_get_nothing",
        "tier": "property",
        "fault": True,
        "because": "",
        "state": "broken",
        "examples": 7,
        "seconds": 0.25,
        "sentence": "the only member of a group got credit",
        "code": CODE,
        "reason": "",
        "bugs": links_of(REPORT.verdicts[1].law),
    }


def test_versions_name_the_package_that_a_function_comes_from():
    assert "rich" in law_report.versions("rich:get_console")
    assert "rich" not in law_report.versions("rloo")


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("0.5", 0.5), ("True", True), ("None", None), ("group", "group"), ("[1]", [1])],
)
def test_a_value_is_what_one_would_write(text, value):
    assert law_report.value_of(text) == value


def test_a_function_is_checked_by_name_with_options_and_skips():
    report = law_report.checked_by_laws(
        "grpo",
        laws=["the_expected_gradient_is_the_true_one", "lone_members_get_nothing"],
        skip=["lone_members_get_nothing=they are paid"],
        options=["scale=None"],
        examples=5,
    )
    assert [verdict.state for verdict in report.verdicts] == ["kept", "by design"]
    assert report.verdicts[1].reason == "they are paid"


def test_the_imports_are_those_that_the_code_needs():
    def needed(name, code):
        report = Report("own", (Verdict(LAW, "broken", 1, 0.1, "so", code),))
        return law_report.imports_of(report, name)

    assert needed("grpo", "grpo()") == [
        "import torch",
        "from creditlib.estimators.trajectory.grpo import grpo",
    ]
    verl = needed("rich:get_console", "x = np.array([1])\nf(config=OmegaConf.create({}))")
    assert verl == [
        *("import torch", "import numpy as np", "from omegaconf import OmegaConf"),
        "from rich import get_console",
    ]
    assert needed("torch:Tensor.abs", "abs()")[1:] == [
        "from pkgutil import resolve_name",
        'abs = resolve_name("torch:Tensor.abs")',
    ]


def test_what_is_no_pair_is_refused(refusal):
    assert refusal(law_report.checked_by_laws, "grpo", skip=["credit_is_finite"]) == (
        "check: `--skip` must be name=value, got 'credit_is_finite'."
    )
    assert refusal(law_report.checked_by_laws, "grpo", options=["=1"]) == (
        "check: `--option` must be name=value, got '=1'."
    )


def test_what_the_function_prints_is_not_in_the_way(tmp_path, monkeypatch, capsys):
    (tmp_path / "talkative_credit.py").write_text(
        "from creditlib.vocabulary import Reward, Credit\n"
        "def own(*, reward: Reward) -> Credit:\n    print('here')\n    return reward\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    law_report.checked_by_laws("talkative_credit:own", laws=["credit_is_finite"], examples=2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "here" in captured.err


def test_a_progress_bar_leaves_nothing_on_a_pipe(capsys):
    law_report.checked_by_laws("rloo", laws=["credit_is_finite"], examples=2, progress=True)
    assert capsys.readouterr().out == ""
