"""What the commands that read rollouts share: their options, and how these become values.

A command declares its parameters with the types of this module and turns what the user typed into
values in one block:

    with options_as_typed("report", {"report: `out`": "--out"}):
        options = option_values("report", option, estimator)
        rollouts = read_rollouts(
            "report", file, estimator, format=format, key=key, reward_weight=reward_weight
        )

`read_rollouts` refuses a wrong estimator, format, key or weight before it opens a file. A command
that reads files in another way takes `import_estimators`, `key_names` and `reward_weights`.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from creditlib.cli.as_typed import as_typed, refuse_unknown_names
from creditlib.cli.named_modules import import_named
from creditlib.cli.typer_app import KEY_HELP, name_and_value
from creditlib.registry import resolve
from creditlib.report.law_report import value_of
from creditlib.rollouts import Rollouts, read
from creditlib.rollouts.formats import AUTO, format_names
from creditlib.vocabulary.messages import ContractError, contract_error, did_you_mean

__all__ = [
    "EstimatorNames",
    "FileNames",
    "FormatName",
    "KeyNames",
    "RewardWeights",
    "Similarity",
    "import_estimators",
    "key_names",
    "option_values",
    "options_as_typed",
    "page_title",
    "read_rollouts",
    "reward_weights",
]

FileNames = Annotated[
    list[str],
    typer.Argument(metavar="FILE", help="JSON or Parquet files, folders, quoted patterns, or -."),
]
EstimatorNames = Annotated[
    list[str], typer.Option("--estimator", "-e", help="Name or mypkg.module:function.")
]
FormatName = Annotated[
    str, typer.Option("--format", help=f"{AUTO}, {format_names()}, or mypkg.module:FORMAT.")
]
KeyNames = Annotated[list[str] | None, typer.Option("--key", help=KEY_HELP)]
RewardWeights = Annotated[
    list[str] | None,
    typer.Option("--reward-weight", help="TRL: reward column to sum, such as accuracy=1.0."),
]
Similarity = Annotated[
    float | None,
    typer.Option(
        "--similarity",
        help="Share an anchor from this similarity of observations, 0 to 1.",
    ),
]

# How refusals of the functions below start, and the option that their argument comes from.
_FLAGS = {
    "resolve: `name`": "--estimator",
    "read: `path`": "FILE",
    "read: `format`": "--format",
    "read: `reward_weights`": "--reward-weight",
    "read: `keys`": "--key",
    "anchor_ids: `similarity`": "--similarity",
}


@contextmanager
def options_as_typed(
    command: str,
    flags: Mapping[str, str] | None = None,
    remedies: Mapping[str, str] | None = None,
) -> Generator[None]:
    """Refusals inside the `with` block name the option that the user typed, not the argument.

    flags: how a refusal of a function starts -> the option that its argument comes from, such as
        {"explain: `group`": "--group"}. Those of `read` and `resolve` are known.
    remedies: words of such a refusal that name an argument -> the same with the option.

    >>> with options_as_typed("explain"):
    ...     resolve("grpp")
    Traceback (most recent call last):
    creditlib.ContractError: explain: `--estimator` must be a name of creditlib, ...
    """
    with as_typed(command, {**_FLAGS, **(flags or {})}, remedies):
        yield


def import_estimators(
    command: str,
    estimators: Sequence[str],
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Import the modules that estimators name.

    An estimator that nobody has is refused, and so is an option that an estimator does not have.
    """
    import_named(command, "--estimator", *estimators)
    for name in estimators:
        resolve(name)
    refuse_unknown_names(command, options or {})


def option_values(
    command: str, texts: Sequence[str] | None, estimators: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """What `--option` says, by estimator: its value is JSON, None, True, False, or else text.

    >>> option_values("explain", ["gigpo.gamma=0.9", "gigpo.scale=None"], ["grpo", "gigpo"])
    {'gigpo': {'gamma': 0.9, 'scale': None}}

    Errors: no equals sign; an estimator that the command does not name.
    """
    found: dict[str, dict[str, Any]] = {}
    for text in texts or ():
        key, value = name_and_value(command, "--option", text)
        estimator, _, name = key.rpartition(".")
        if estimator not in estimators:
            names = ", ".join(estimators)
            near = did_you_mean(estimator, estimators)
            raise ContractError(
                f"{command}: `--option` must start with an estimator of the command ({names}) and "
                f"a dot, got {text!r}{near}."
            )
        found.setdefault(estimator, {})[name] = value_of(value, command)
    return found


def key_names(command: str, texts: Sequence[str] | None) -> dict[str, str] | None:
    """What `--key` says, None if it says nothing.

    >>> key_names("explain", ["group=task_id", "outcome=won"])
    {'group': 'task_id', 'outcome': 'won'}
    """
    return dict(name_and_value(command, "--key", text) for text in texts or ()) or None


def reward_weights(command: str, texts: Sequence[str] | None) -> dict[str, float] | None:
    """What `--reward-weight` says, None if it says nothing.

    >>> reward_weights("explain", ["accuracy=1", "style=0.5"])
    {'accuracy': 1.0, 'style': 0.5}

    Errors: no equals sign; a weight that is no number.
    """
    found: dict[str, float] = {}
    for text in texts or ():
        name, value = name_and_value(command, "--reward-weight", text)
        try:
            found[name] = float(value)
        except ValueError:
            wanted = f"a number for {name}"
            raise contract_error(command, "--reward-weight", wanted, repr(value)) from None
    return found or None


def page_title(files: Sequence[str]) -> str:
    """The heading of a page on some files, if the user gave none.

    >>> page_title(["runs/1.jsonl"]), page_title(["runs/1.jsonl", "runs/2.jsonl"])
    ('1.jsonl', '1.jsonl and 1 more')
    """
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return f"{Path(files[0]).name}{more}"


def read_rollouts(
    command: str,
    files: Sequence[str],
    estimators: Sequence[str],
    *,
    format: str = AUTO,
    similarity: float | None = None,
    key: Sequence[str] | None = None,
    reward_weight: Sequence[str] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Rollouts:
    """The rollouts of a command's files, for estimators that `creditlib.resolve` now finds.

    The arguments are what the user typed. What is wrong about estimators, keys and weights is
    refused before a file is opened. Call it inside `options_as_typed`.
    """
    import_named(command, "--format", format)
    keys, weights = key_names(command, key), reward_weights(command, reward_weight)
    import_estimators(command, estimators, options)
    return read(
        list(files), format=format, similarity=similarity, reward_weights=weights, keys=keys
    )
