"""The page itself: credit of a batch in one HTML file that asks for nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from creditlib.algebra import valid_turns
from creditlib.report.credit_columns import Column, Estimator, credit_columns, name_of
from creditlib.report.findings import Meaning, meaning_of
from creditlib.report.page import charts
from creditlib.report.page.assets import asset, json_text, policy, template
from creditlib.report.page.details import Packed, joins_observations, packed_details
from creditlib.report.page.page_data import color_limit, group_data, printed
from creditlib.report.page.sample import sampled_groups
from creditlib.report.page.texts import visible
from creditlib.report.reasons import Reads, discounted_returns, reads_of
from creditlib.report.summary import GroupFacts, Summary, float64_of, summarize
from creditlib.rollouts import Rollouts
from creditlib.rollouts.disk import replaced
from creditlib.version import __version__
from creditlib.vocabulary.messages import contract_error, one_line

__all__ = ["LIMIT", "Report", "build_report", "check_page_file", "report_page", "write_report"]

LIMIT = 2_000  # trajectories on a page
_NUMBERS = 100  # numbers of credit on a page, for each trajectory of the limit
_OPTIONS = 300  # characters of the options of an estimator
_BYTES = 1_430  # of data, for each trajectory of the limit: a page of 2,000 has less than 3 MB
_LEAST = 100_000  # bytes of data that any page may have


@dataclass(frozen=True)
class Report:
    """A page and what stands on it.

    html: the page. summary: the numbers of all rollouts. groups: the trajectories that the page
    shows, by the position of their group in `summary.by_group`. cut_groups: how many of these
    groups have more trajectories. with_texts: how many have texts.
    """

    html: str
    summary: Summary
    groups: Mapping[int, Sequence[int]]
    cut_groups: int
    with_texts: int


def report_page(
    rollouts: Rollouts,
    estimators: Sequence[Estimator],
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    title: str | None = None,
    limit: int = LIMIT,
) -> str:
    """The credit of several estimators on one batch as one HTML page. Needs jinja2.

    The page is one file that requests nothing: a summary, then each group turn by turn. It shows
    the texts of rollouts and executes none. Credit is computed on the whole batch, and so is the
    summary. Credit has four digits.

    Args:
        rollouts: what `creditlib.rollouts.read` returns.
        estimators: what `resolve` takes; each has a heat-map in each group.
        options: arguments by estimator, such as {"gigpo": {"gamma": 0.9}}.
        title: the heading of the page.
        limit: the trajectories of a page, which also decides its size: less than 3 MB for 2,000. If
            there are more, the page shows whole groups, drawn at random in the same way each time,
            and says so. A group that has more by itself is shown with up to 200 of its
            trajectories; its numbers are still those of the whole group. Long texts lose their
            middle so that the page stays small; if that is not enough, the groups on which
            estimators differ most keep their texts.

    Degenerate cases: an estimator that gives no credit stands on the page with its reason. Credit
    that is not finite is marked. A trajectory without an outcome is hatched.

    Errors: no estimator gives credit; `limit` is below 1; jinja2 is missing.

    >>> from creditlib.rollouts import from_trajectories
    >>> batch = from_trajectories([{"group": 0, "outcome": 1.0, "turns": [{"text": "<b>"}]}])
    >>> report_page(batch, ["grpo"])[:15]
    '<!doctype html>'
    """
    return build_report(rollouts, estimators, options=options, title=title, limit=limit).html


def write_report(
    rollouts: Rollouts,
    estimators: Sequence[Estimator],
    file: str | Path,
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    title: str | None = None,
    limit: int = LIMIT,
) -> Report:
    """Write the page of `report_page` to a file; a file that is there is replaced.

    Nothing is half written.

    Args:
        rollouts: what `creditlib.rollouts.read` returns.
        estimators: what `resolve` takes; each has a heat-map in each group.
        file: it ends in .html, and its folder exists.
        options: arguments by estimator, such as {"gigpo": {"gamma": 0.9}}.
        title: the heading of the page.
        limit: the trajectories of a page, see `report_page`.

    Errors: those of `report_page`; a file that cannot be written to.
    """
    path = Path(file)
    check_page_file(path)
    report = build_report(rollouts, estimators, options=options, title=title, limit=limit)
    with replaced(path) as opened:
        opened.write(report.html.encode())
    return report


def check_page_file(file: Path) -> None:
    """Refuse a file that the page cannot be written to, before the work is done.

    Errors: its suffix is not .html; it is a folder; its folder does not exist; jinja2 is missing.
    """
    if file.suffix not in (".html", ".htm"):
        raise contract_error("write_report", "file", "a file that ends in .html", repr(str(file)))
    if file.is_dir() or not file.parent.is_dir():
        fact = f"{str(file)!r}, which is a folder" if file.is_dir() else repr(str(file))
        raise contract_error("write_report", "file", "a file in a folder that exists", fact)
    template()


def build_report(
    rollouts: Rollouts,
    estimators: Sequence[Estimator],
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    title: str | None = None,
    limit: int = LIMIT,
) -> Report:
    """The page of `report_page`, with the same arguments, and what stands on it."""
    if limit < 1:
        raise contract_error("report_page", "limit", "at least 1", str(limit))
    page = template()
    columns = credit_columns(rollouts, estimators, options=options)
    if all(column.turn_credit is None for column in columns):
        reasons = " ".join(one_line(column.reason) for column in columns)
        fact = f"none: {reasons.rstrip('.?')}" if reasons else "none"
        wanted = "functions that give these rollouts credit"
        raise contract_error("report_page", "estimators", wanted, fact)
    given = options or {}
    reads = [reads_of(each, given.get(name_of(each))) for each in estimators]
    reads = [each for each, c in zip(reads, columns, strict=True) if c.turn_credit is not None]
    summary = summarize(rollouts, columns)
    chosen = _chosen(rollouts, summary, len(reads), limit)
    data, packed = _data(rollouts, columns, reads, summary, chosen, limit)
    cut = sum(len(rows) < len(summary.by_group[each].rows) for each, rows in chosen.items())
    style, script = asset("page.css"), asset("page.js")
    html = page.render(
        title=" ".join((title or "Credit report").split()),
        version=__version__,
        policy=policy(style, script),
        style=style,
        script=script,
        data=json_text(data),
        summary=summary,
        columns=columns,
        notes=rollouts.notes,
        format=rollouts.format,
        shown=len(chosen),
        rows=sum(map(len, chosen.values())),
        cut_groups=cut,
        packed=packed,
        metrics=_metrics(summary),
        charts=charts,
        color=data["color"],
    )
    return Report(html, summary, chosen, cut, packed.whole)


def _chosen(
    rollouts: Rollouts, summary: Summary, estimators: int, limit: int
) -> dict[int, list[int]]:
    """The trajectories of the page by the position of their group, in order."""
    numbers: list[int] = (rollouts.tensors["turn_count"] * estimators).tolist()
    groups = [group.rows for group in summary.by_group]
    return sampled_groups(groups, numbers, limit=limit, per_row=_NUMBERS)


def _data(
    rollouts: Rollouts,
    columns: Sequence[Column],
    reads: Sequence[Reads],
    summary: Summary,
    chosen: Mapping[int, Sequence[int]],
    limit: int,
) -> tuple[dict[str, Any], Packed]:
    """What the page holds as JSON, and what was cut from it."""
    order = sorted(chosen, key=lambda number: _interest(summary.by_group[number]), reverse=True)
    facts = [summary.by_group[number] for number in order]
    shown = [chosen[number] for number in order]
    held = _with_rows(rollouts, [row for rows in shown for row in rows])
    credited = [column for column in columns if column.turn_credit is not None]
    tables = [float64_of(c.turn_credit) for c in credited if c.turn_credit is not None]
    there = valid_turns(
        rollouts.tensors["turn_count"], tables[0].shape[1], rollouts.tensors["valid"]
    )
    groups = [
        group_data(held, tables, number, each, chosen[number])
        for number, each in zip(order, facts, strict=True)
    ]
    data: dict[str, Any] = {
        "estimators": [
            {
                **each._asdict(),
                "name": visible(column.name),
                "options": visible(each.options[:_OPTIONS]),
            }
            for column, each in zip(credited, reads, strict=True)
        ],
        "color": printed(color_limit(tables, there.numpy()), 2),
        "similar": any(joins_observations(held, rows) for rows in shown),
        "groups": groups,
    }
    returns = {each.gamma: discounted_returns(rollouts, each.gamma) for each in reads}
    room = max(_BYTES * limit, _LEAST) - len(json_text(data))
    packed = packed_details(held, facts, shown, reads, returns, room)
    for place, (group, detail) in enumerate(zip(groups, packed.details, strict=True)):
        group["detail"] = detail
        if place >= packed.whole:
            group["tags"].append("without texts")
        elif packed.part is not None:
            group["tags"].append(f"texts of {packed.part:,} only")
    groups.sort(key=lambda group: group["index"])
    return data, packed


def _interest(group: GroupFacts) -> tuple[float, float]:
    """How much a group has to show: disagreement of the estimators, then spread of credit."""
    return group.disagreement or 0.0, max((x for x in group.spread if x is not None), default=0.0)


def _with_rows(rollouts: Rollouts, rows: Sequence[int]) -> Rollouts:
    """The rollouts with these trajectories as dictionaries, each read once; others are empty."""
    found: list[Mapping[str, Any]] = [{}] * len(rollouts.trajectories)
    for row in sorted(rows):
        found[row] = rollouts.trajectories[row]
    return dataclasses.replace(rollouts, trajectories=found)


def _metrics(summary: Summary) -> list[tuple[str, Meaning, list[str]]]:
    """Each metric of `diagnose`: what it is, and its value for each estimator."""
    names = dict.fromkeys(name for each in summary.estimators for name in each.metrics)
    return [
        (
            name,
            meaning_of(name),
            [
                f"{each.metrics[name]:.4g}" if name in each.metrics else "–"
                for each in summary.estimators
            ],
        )
        for name in names
    ]
