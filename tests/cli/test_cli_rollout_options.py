import json

import pytest
import typer
from typer.testing import CliRunner

from creditlib.cli.rollout_options import (
    EstimatorNames,
    FileNames,
    FormatName,
    KeyNames,
    RewardWeights,
    Similarity,
    key_names,
    option_values,
    options_as_typed,
    read_rollouts,
    reward_weights,
)
from creditlib.rollouts.formats import AUTO
from creditlib.vocabulary.messages import ContractError


def small_command():
    """A command with every shared option; it returns what it was given."""
    app, given = typer.Typer(), {}

    @app.command()
    def mine(
        files: FileNames,
        estimator: EstimatorNames,
        format: FormatName = AUTO,
        key: KeyNames = None,
        reward_weight: RewardWeights = None,
        similarity: Similarity = None,
    ) -> None:
        given.update(locals())

    return app, given


def test_the_shared_options_have_their_flags():
    app, given = small_command()
    words = ["a", "b", "-e", "grpo", "--estimator", "rloo", "--format", "trl", "--key", "x=y"]
    words += ["--reward-weight", "a=1", "--similarity", "0.5"]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert {name: given[name] for name in ("files", "estimator", "format", "key")} == {
        "files": ["a", "b"],
        "estimator": ["grpo", "rloo"],
        "format": "trl",
        "key": ["x=y"],
    }
    assert (given["reward_weight"], given["similarity"]) == (["a=1"], 0.5)


def test_nothing_typed_is_none():
    assert key_names("explain", None) is reward_weights("explain", []) is None
    assert option_values("explain", None, ["grpo"]) == {}


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: option_values("report", ["rloo.x=1"], ["grpo"]),
            "report: `--option` must start with an estimator of the command (grpo) and a dot, got "
            "'rloo.x=1'.",
        ),
        (
            lambda: option_values("report", ["gamma"], ["grpo"]),
            "report: `--option` must be name=value, got 'gamma'.",
        ),
        (lambda: key_names("report", ["x"]), "report: `--key` must be name=value, got 'x'."),
        (
            lambda: reward_weights("report", ["a=b"]),
            "report: `--reward-weight` must be a number for a, got 'b'.",
        ),
    ],
)
def test_a_refusal_names_the_command_and_its_option(call, sentence):
    with pytest.raises(ContractError) as caught:
        call()
    assert str(caught.value) == sentence


def test_an_estimator_of_a_module_has_dots_in_its_name():
    found = option_values("x", ["my.pkg:mine.a=1", "my.pkg:mine.b=t"], ["my.pkg:mine"])
    assert found == {"my.pkg:mine": {"a": 1, "b": "t"}}


def test_refusals_name_what_was_typed_and_others_stay():
    with (
        pytest.raises(ContractError) as caught,
        options_as_typed("x", {"f: `a`": "--all"}, {"with `b`": "with --big"}),
    ):
        raise ContractError("f: `a` must be 1, got 2; allow it with `b`.")
    assert str(caught.value) == "x: `--all` must be 1, got 2; allow it with --big."
    with pytest.raises(ContractError) as caught, options_as_typed("x"):
        raise ContractError("f: `a` must be 1, got 2.")
    assert str(caught.value) == "f: `a` must be 1, got 2."


def test_a_wrong_word_is_refused_before_a_file_is_opened(tmp_path):
    nothing = [str(tmp_path / "nothing.jsonl")]
    wrong = [
        ({"estimators": ["grpp"]}, "`--estimator` must be a name of creditlib"),
        ({"estimators": ["no_such_module:f"]}, "`--estimator` must be an import path that loads"),
        ({"format": "no_such_module:F"}, "`--format` must be an import path that loads"),
        ({"key": ["x"]}, "`--key` must be name=value"),
        ({"reward_weight": ["a=b"]}, "`--reward-weight` must be a number for a"),
    ]
    for given, sentence in wrong:
        with pytest.raises(ContractError, match=sentence), options_as_typed("x"):
            read_rollouts("x", nothing, given.pop("estimators", ["grpo"]), **given)


def test_rollouts_are_read_as_the_options_say(tmp_path):
    talk = [{"role": "user", "content": "7*8?"}, {"role": "assistant", "content": "56"}]
    file = tmp_path / "x.json"
    file.write_text(json.dumps([{"q": "7*8", "won": won, "log": talk} for won in (True, False)]))
    keys = ["group=q", "outcome=won", "messages=log"]
    assert read_rollouts("x", [str(file)], ["grpo"], key=keys).groups == {"7*8": [0, 1]}
