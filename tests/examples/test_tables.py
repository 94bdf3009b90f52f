import torch
from rich.console import Console
from torch import Tensor

from examples.textworld.tables import curve_table, difference, settings_table, verdict
from examples.textworld.train import Settings

LOW = torch.tensor([[0.0, 0.2, 0.4], [0.2, 0.4, 0.6]])  # means 0.2 and 0.4
HIGH = LOW + torch.tensor([[0.2], [0.22]])  # 0.2 and 0.22 more: t(1) = 12.706, half 0.12706


def curves(first: Tensor, second: Tensor) -> dict[str, Tensor]:
    return {"grpo": first, "gigpo": second}


def printed(table: object) -> list[list[str]]:
    console = Console(width=100)
    with console.capture() as capture:
        console.print(table)
    rows = capture.get().splitlines()
    return [[cell.strip() for cell in row.strip("│┃").split("│")] for row in rows if "│" in row]


def test_difference_is_paired():
    found = difference(curves(LOW, HIGH))
    assert abs(found.mean - 0.21) < 1e-6
    assert abs(found.half - 0.12706) < 1e-4  # the seeds' own spread would give ten times that


def test_windows_cover_all_updates_once():
    rows = printed(curve_table(curves(LOW, HIGH), windows=2))
    assert [row[0] for row in rows] == ["1–2", "3–3", "all"]
    assert rows[1][1:] == ["50.0 ± 127.1", "71.0 ± 139.8", "+21.0 ± 12.7"]
    assert rows[2][1].startswith("30.0 ±")


def test_the_title_says_what_the_numbers_are():
    assert curve_table(curves(LOW, HIGH)).title == (
        "games won while training, %: mean of 2 seeds ± half of the 95 % confidence interval"
    )


def test_no_more_windows_than_updates():
    assert [row[0] for row in printed(curve_table(curves(LOW, HIGH)))] == [
        "1–1",
        "2–2",
        "3–3",
        "all",
    ]


def test_one_row_per_settings():
    crossed = {"own": curves(LOW, HIGH), "swapped": curves(HIGH, LOW)}
    table = settings_table(crossed, {"grpo": Settings(learning_rate=0.5, entropy=0.25)})
    assert "on the same games, other seeds:" in str(table.caption)
    assert "grpo: learning rate 0.5, weight of the entropy 0.25" in str(table.caption)
    assert [(row[0], row[3]) for row in printed(table)] == [
        ("own", "+21.0 ± 12.7"),
        ("swapped", "-21.0 ± 12.7"),
    ]


def test_verdict_names_who_won_more():
    said = verdict({"own": curves(LOW, HIGH)})
    assert "is +21.0 ± 12.7 percentage points (2 paired seeds" in said
    assert "the interval excludes 0, so gigpo won more." in said
    assert "so grpo won more." in verdict({"own": curves(HIGH, LOW)})


def test_verdict_admits_that_nothing_is_shown():
    same = curves(LOW, LOW + torch.tensor([[0.2], [-0.1]]))
    assert "the interval contains 0, so no difference is shown." in verdict({"own": same})


def test_verdict_says_when_it_depends_on_the_settings():
    same = curves(LOW, LOW + torch.tensor([[0.2], [-0.1]]))
    for crossed, said in (
        (curves(HIGH, LOW), "grpo won more (-21.0 ± 12.7)."),
        (curves(LOW, HIGH), "gigpo won more (+21.0 ± 12.7)."),
        (same, "no difference is shown (+5.0 ± 190.6)."),
    ):
        found = verdict({"own": curves(LOW, HIGH), "grpo's settings for both": crossed})
        assert f" With grpo's settings for both, {said} " in found
