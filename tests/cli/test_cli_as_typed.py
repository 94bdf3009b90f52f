"""A refusal names what was typed, with the nearest name, and never a function inside."""

import re
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import typer
from cli_runs import error_of

from creditlib import ContractError
from creditlib.cli.app import app
from creditlib.cli.as_typed import as_typed, refuse_unknown_names
from creditlib.rollouts import write

FILE = "FILE"  # stands for a file of rollouts
READ = ("explain", "report", "credit")
# (command line, what is refused, the name that is suggested)
MISSPELT = [
    ("estimators --kind recipes", "--kind", "recipe"),
    ("estimators --level turns", "--level", "turn"),
    ("estimators --needs anchr", "--needs", "anchor"),
    *[(f"{c} {FILE} -e gropo", "--estimator", "grpo") for c in READ],
    *[(f"{c} {FILE} -e creditlib:gropo", "--estimator", "grpo") for c in READ],
    *[(f"{c} {FILE} -e grpo --format creditlb", "--format", "creditlib") for c in READ],
    *[(f"{c} {FILE} -e grpo --option grpo.scle=1", "--option grpo.scle", "scale") for c in READ],
    *[(f"{c} {FILE} -e grpo --option gropo.scale=1", "--option", "grpo") for c in READ],
    *[(f"{c} {FILE} -e grpo --format chat --key outcom=x", "--key", "outcome") for c in READ],
    (f"explain {FILE} -e grpo --sort spred", "--sort", "spread"),
    (f"explain {FILE} -e grpo --group 7*9", "--group", "7*8"),
    (f"credit {FILE} -e grpo --to parqet", "--to", "parquet"),
    (f"credit {FILE} -e grpo --filter informativ", "--filter", "informative"),
    (f"credit {FILE} -e grpo --engine locl", "--engine", "local"),
    ("check gropo", "function", "grpo"),
    ("check creditlib:gropo", "function", "grpo"),
    ("check grpo --signature verll", "--signature", "verl"),
    ("check grpo --law credit_is_finit", "--law", "credit_is_finite"),
    ("check grpo --skip credit_is_finit=x", "--skip", "credit_is_finite"),
    ("check grpo --strict contracts", "--strict", "contract"),
    ("check grpo -o scle=1", "--option scle", "scale"),
    ("check grpo -o scale=sdt", "--option scale", "std"),
    ("laws --tier contrat", "--tier", "contract"),
    ("audit gropo", "estimator", "grpo"),
    ("audit orcle", "estimator", "oracle"),
    ("audit grpo --against rlo", "--against", "rloo"),
    ("audit grpo --task romms", "--task", "rooms"),
    ("audit duration_weight --on gropo", "--on", "grpo"),
    ("audit grpo --also vald", "--also", "valid"),
    ("audit grpo -O scle=1", "--option scle", "scale"),
    ("audit grpo -O rlo.lone=raw", "--option", "rloo"),
    ("audit grpo -O rloo.lon=raw", "--option rloo.lon", "lone"),
    ("audit grpo --fail-under usnrr=rloo", "--fail-under", "usnr"),
    ("audit grpo --fail-under usnr=rlo", "--fail-under", "rloo"),
    ("doctor verll", "trainer", "verl"),
]
# Texts that are no name of a list: (command, option).
FREE = {
    *((command, option) for command in READ for option in ("files", "inputs", "out")),
    ("explain", "html"),
    ("report", "title"),
    ("audit", "out"),
    ("demo", "out"),
    ("credit", "memory"),  # a size
    ("claims", "which"),  # letters
    *((command, "reward_weight") for command in READ),  # columns of a file, which is not read yet
}


@pytest.fixture(scope="module")
def rollouts(tmp_path_factory):
    file = tmp_path_factory.mktemp("rollouts") / "rollouts.jsonl"
    turn = {"observation": "7*8?", "text": "56"}
    write(file, [{"group": "7*8", "outcome": o, "turns": [turn]} for o in (1.0, 0.0)])
    return file


@pytest.mark.parametrize(("line", "typed", "near"), MISSPELT, ids=[each[0] for each in MISSPELT])
def test_a_misspelt_name_is_refused_with_the_nearest_one(
    line, typed, near, rollouts, monkeypatch, capsys
):
    words = [str(rollouts) if word == FILE else word for word in line.split()]
    sentence = error_of(monkeypatch, capsys, *words)
    assert sentence.startswith(f"creditlib: {words[0]}: `{typed}` must "), sentence
    assert re.search(rf"did you mean '{re.escape(near)}'\?", sentence), sentence
    assert sentence.count("\n") == 1


def members(hint):
    """The types that a hint is made of."""
    parts = get_args(hint)
    return [each for part in parts for each in members(part)] if parts else [hint]


def test_every_option_that_takes_a_name_is_misspelt_above():
    named = {
        (command, parameter.name): [*parameter.opts, parameter.name]
        for command, body in typer.main.get_command(app).commands.items()
        for parameter in body.params
        if {str, Path} & set(members(get_type_hints(body.callback).get(parameter.name)))
    }
    tried = {(line.split()[0], typed.split()[0]) for line, typed, _ in MISSPELT}
    missing = {
        key
        for key, spelled in named.items()
        if key not in FREE and not any((key[0], each) in tried for each in spelled)
    }
    assert not missing


def refused(text, **given):
    with pytest.raises(ContractError) as caught, as_typed("run", **given):
        raise ContractError(text)
    return str(caught.value)


def test_a_refusal_becomes_one_of_the_command():
    flags = {"read: `path`": "FILE"}
    assert refused("read: `path` must be a, got b.", flags=flags) == "run: `FILE` must be a, got b."
    found = refused("read: `path` must be a; use `b`.", flags=flags, remedies={"`b`": "--b"})
    assert found == "run: `FILE` must be a; use --b."
    assert refused("read: `other` must be a, got b.", flags=flags) == (
        "read: `other` must be a, got b."
    )


def test_a_refusal_of_an_option_names_it_as_it_was_typed():
    text = "gae: `lam` must be in [0, 1], got 2."
    assert refused(text, options=["lam"]) == "run: `--option lam` must be in [0, 1], got 2."
    # Only the option of the estimator that refused: `my.pkg:gae` is called gae there.
    assert refused(text, options=["turn_gae.lam"]) == text
    assert refused(text, options=["turn_gae.lam", "my.pkg:gae.lam"]).startswith(
        "run: `--option my.pkg:gae.lam` must"
    )
    assert refused(text, options=["gamma"]) == text


def test_a_function_inside_is_the_command():
    found = refused("inner: `x` must be given in `options`.", functions=["inner"])
    assert found == "run: `x` must be given in `--option`."


def test_options_that_exist_are_not_refused():
    refuse_unknown_names("run", {"grpo": {"scale": None, "eps": 0}, "rloo": {}})
