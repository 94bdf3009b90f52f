"""Sentences on a batch of credit: what a reader should know, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from creditlib.report.summary_parts import EstimatorFacts, Pair

__all__ = ["MEANINGS", "Finding", "Meaning", "findings", "meaning_of"]

_FEW_MET = 1 / 3  # below this share of turns with peers, credit among equal states is mostly 0
_OPPOSITE = 0.05  # a share of turns with opposite signs that is worth a sentence
_UNPLACED = 1e-4
_MANY = 200  # trajectories; most of more than this in one group are hardly of one prompt


class Finding(NamedTuple):
    """A fact about the batch, and what to do about it ('' where nothing is to be done)."""

    sentence: str
    advice: str


class Meaning(NamedTuple):
    """What a metric of `diagnose` is, and what to do where its value is bad."""

    sentence: str
    advice: str


# By the name of the metric in `diagnose`.
MEANINGS: Mapping[str, Meaning] = {
    "credit/mean": Meaning(
        "The mean credit over turns or trajectories.",
        "Credit relative to a group has a mean near 0. Otherwise the policy is pushed up or down "
        "as a whole.",
    ),
    "credit/abs_mean": Meaning(
        "The mean size of credit.",
        "Compare it between estimators before you keep a learning rate.",
    ),
    "credit/abs_max": Meaning(
        "The largest size of credit.",
        "If it is many times the mean, one trajectory decides the update: clip it, or use larger "
        "groups.",
    ),
    "credit/silent_rows": Meaning(
        "The share of trajectories without any credit.",
        "They cost sampling and teach nothing: see the constant and lone groups.",
    ),
    "rows/excluded": Meaning(
        "The share of trajectories that take no part, because they have no outcome.",
        "Find out why there is no outcome. Failures that are left out make the policy look better "
        "than it is.",
    ),
    "group/count": Meaning("The number of groups.", "More groups give less noise per update."),
    "group/lone": Meaning(
        "The share of groups with one trajectory.",
        "Sample several trajectories per prompt, or check the key of the group.",
    ),
    "group/sum_max": Meaning(
        "The largest |sum of credit| over a group.",
        "It is 0 for centred credit of trajectories. Credit of turns may differ from 0.",
    ),
    "group/contrast": Meaning(
        "The share of groups with two different outcomes.",
        "Choose prompts that the policy solves sometimes, not always and not never.",
    ),
    "group/constant": Meaning(
        "The share of groups of several trajectories whose outcomes are all equal.",
        "Choose prompts of medium difficulty, use larger groups, or use rewards of turns.",
    ),
    "reward/unplaced_max": Meaning(
        "The largest difference between an outcome and the sum of its turn rewards.",
        "Returns from turn rewards never see this difference. Add it to the reward of the last "
        "turn.",
    ),
    "anchor/met": Meaning(
        "The share of turns that start from the observation of another turn of their group.",
        "Below a third, credit among equal states is mostly 0. Use a similarity below 1, or remove "
        "counters and times from observations.",
    ),
    "anchor/met_others": Meaning(
        "The share of turns that start from the observation of another trajectory of their group.",
        "If it is far below anchor/met, turns mostly meet their own trajectory.",
    ),
    "anchor/peers": Meaning(
        "The mean number of other turns with the observation of a turn.",
        "A mean over few peers is noisy: use larger groups.",
    ),
    "anchor/contrast": Meaning(
        "The share of turns whose peers at the same observation have two different turn rewards.",
        "The other turns learn nothing from their peers' rewards at this turn.",
    ),
}
_AT_TURN = "credit/abs_turn_"


def meaning_of(metric: str) -> Meaning:
    """What a metric of `diagnose` is.

    >>> meaning_of("credit/abs_turn_3").sentence
    'The mean size of credit at turn 3.'
    """
    if metric.startswith(_AT_TURN):
        turn = metric.removeprefix(_AT_TURN)
        advice = "A fall towards the end or the start shows which turns are taught."
        return Meaning(f"The mean size of credit at turn {turn}.", advice)
    return MEANINGS.get(metric, Meaning("", ""))


def findings(
    counts: Mapping[str, int], estimators: Sequence[EstimatorFacts], pairs: Sequence[Pair]
) -> Iterator[Finding]:
    """The findings in the order in which a reader should act on them.

    `counts` are the counts of a `Summary` by name.
    """
    yield from _of_groups(counts)
    for each in estimators:
        if each.not_finite:
            yield Finding(
                f"{each.name} gives {_of(each.not_finite, counts['turns'], 'turn')} credit that "
                "is not finite.",
                "Do not train on it: look for NaN or infinity in rewards, and for a division by 0.",
            )
    metrics = estimators[0].metrics if estimators else {}
    if metrics.get("reward/unplaced_max", 0.0) > _UNPLACED:
        yield Finding(
            "The rewards of the turns do not sum to the outcome: they differ by up to "
            f"{metrics['reward/unplaced_max']:.4g}.",
            MEANINGS["reward/unplaced_max"].advice,
        )
    met = metrics.get("anchor/met")
    if met is not None and met < _FEW_MET and counts["turns"]:
        some = f"{met:.0%} of the turns start" if met else "No turn starts"
        yield Finding(
            f"{some} from an observation that another turn of the group has.",
            MEANINGS["anchor/met"].advice,
        )
    yield from _of_pairs(pairs)


def _of_groups(counts: Mapping[str, int]) -> Iterator[Finding]:
    groups = counts["groups"]
    if not groups:
        yield Finding(
            "No trajectory has an outcome: nothing takes part.",
            "Score the trajectories, or name the key of the outcome.",
        )
        return
    whole, largest = counts["trajectories"], counts["largest"]
    if whole > _MANY and 2 * largest > whole:
        yield Finding(
            f"One group holds {largest:,} of the {whole:,} trajectories.",
            "Is the key of the group right? Trajectories of different prompts should not be "
            "compared. `--key group=KEY` names another one.",
        )
    silent = groups - counts["informative"]
    if silent:
        yield Finding(
            f"{_of(silent, groups, 'group')} {_has(silent)} no credit under any estimator.",
            f"{'It costs' if silent == 1 else 'They cost'} sampling and "
            f"{'teaches' if silent == 1 else 'teach'} nothing. "
            "`creditlib credit --filter informative` writes groups with credit only.",
        )
    if counts["constant"]:
        yield Finding(
            f"{_of(counts['constant'], groups, 'group')} {_has(counts['constant'])} equal outcomes "
            "only.",
            MEANINGS["group/constant"].advice,
        )
    if counts["lone"]:
        yield Finding(
            f"{_of(counts['lone'], groups, 'group')} {_has(counts['lone'])} one trajectory only.",
            MEANINGS["group/lone"].advice,
        )
    if counts["excluded"]:
        yield Finding(
            f"{_of(counts['excluded'], counts['trajectories'], 'trajectory')} "
            f"{_has(counts['excluded'])} no outcome and {_takes(counts['excluded'])} no part.",
            MEANINGS["rows/excluded"].advice,
        )
    if not counts["turns"]:
        yield Finding("No trajectory has a turn.", "Name the key of the turns or messages.")


def _of_pairs(pairs: Sequence[Pair]) -> Iterator[Finding]:
    for pair in pairs:
        if pair.opposite is not None and pair.opposite >= _OPPOSITE:
            turns = f"{pair.opposite:.0%} of the turns" if pair.turns != 1 else "the turn"
            yield Finding(
                f"{pair.first} and {pair.second} give {turns} credit of opposite signs.",
                f"Read {'some of these turns' if pair.turns != 1 else 'it'}: at most one of the "
                "two teaches the right thing there.",
            )


def _of(part: int, whole: int, noun: str) -> str:
    many = noun.removesuffix("y") + "ies" if noun.endswith("y") else f"{noun}s"
    return f"{part:,} of {whole:,} {noun if whole == 1 else many}"


def _has(count: int) -> str:
    return "has" if count == 1 else "have"


def _takes(count: int) -> str:
    return "takes" if count == 1 else "take"
