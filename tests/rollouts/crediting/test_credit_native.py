"""`to="verifiers"` and `to="atropos"`: credit in the field of the inputs' own format."""

import json
from pathlib import Path

import pytest
from format_files import CHAT, EPISODE, GROUP, lines

from creditlib import rollouts
from creditlib.report.explain import explain
from creditlib.vocabulary.messages import ContractError


def written(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def test_credit_is_the_advantages_of_a_scored_group():
    """Rloo of the outcomes 1 and 0 is +1 and -1; line 2 has one outcome, so 0."""
    path = lines(GROUP, {**GROUP, "scores": [1.0, 1.0]})
    found = rollouts.credit(path, "rloo", to="atropos")
    assert found.outputs == (str(path.with_name("x.credited.jsonl")),)
    first, second = written(found.outputs[0])
    assert first["advantages"] == [[0.0, 0.0, 1.0, 1.0, 0.0, 1.0], [0.0, 0.0, -1.0]]
    assert second["advantages"] == [[0.0] * 6, [0.0] * 3]
    assert {key: first[key] for key in GROUP} == GROUP


def test_credit_is_the_advantages_of_sampled_nodes():
    """Rloo of 2.5 and 0 is +2.5 and -2.5; the first node has 2 tokens of the policy."""
    lost = {**EPISODE["traces"][0], "id": "t1", "rewards": {"right": {"score": 0.0}}}
    path = lines(EPISODE, {**EPISODE, "traces": [lost]}, name="traces.jsonl")
    found = rollouts.credit(path, "rloo", to="verifiers")
    nodes = [row["traces"][0]["nodes"] for row in written(found.outputs[0])]
    assert [[node.get("advantages") for node in each] for each in nodes] == [
        [None, [2.5, 2.5], None, [2.5]],
        [None, [-2.5, -2.5], None, [-2.5]],
    ]


def test_a_finished_file_is_kept_and_another_is_refused():
    path = lines(GROUP)
    first = rollouts.credit(path, "rloo", to="atropos")
    again = rollouts.credit(path, "rloo", to="atropos", resume=True)
    assert again.kept == first.outputs
    with pytest.raises(ContractError, match="which exists and was made from other inputs"):
        rollouts.credit(path, "rloo", to="jsonl", stitch=True, resume=True)


@pytest.mark.parametrize(
    ("row", "estimators", "options", "ending"),
    [
        (GROUP, "rloo", {"to": "verifiers"}, "'verifiers' for rows of the format atropos."),
        (CHAT, "rloo", {"to": "atropos"}, "'atropos' for rows of the format chat."),
        (GROUP, ["rloo", "grpo"], {"to": "atropos"}, "`to` is 'atropos', got rloo, grpo."),
        (GROUP, "rloo", {"to": "atropos", "stitch": True}, "`to` is 'atropos', got True."),
        (
            GROUP,
            "rloo",
            {"to": "atropos", "filter": "informative"},
            "`to` is 'atropos', got 'informative'.",
        ),
        (GROUP, "rloo", {"to": "atropos", "skip_bad": True}, "`to` is 'atropos', got True."),
    ],
)
def test_what_does_not_go_with_it_is_refused(row, estimators, options, ending, refusal):
    path = lines(row)
    assert refusal(rollouts.credit, path, estimators, **options).endswith(ending)
    assert [each.name for each in path.parent.iterdir()] == ["x.jsonl"]


def test_every_format_is_credited_as_it_is_read():
    trace = {**EPISODE["traces"][0], "id": "t1"}
    path = lines(EPISODE, {**EPISODE, "traces": [trace]})
    assert rollouts.credit(path, "grpo").rows == 2
    assert rollouts.credit(lines(CHAT, CHAT), "grpo", keys={"outcome": "reward"}).rows == 2


def test_what_a_format_does_not_fill_is_named_by_its_own_key(refusal):
    found = refusal(rollouts.credit, lines(CHAT), "opo")
    assert found.endswith("got opo, which needs `length`, read from no key of them.")
    bare = {**EPISODE, "traces": [{**EPISODE["traces"][0], "timing": None}]}
    found = refusal(rollouts.credit, lines(bare), "duration_weight")
    assert found.endswith("which needs `duration`, read from the nodes' `timestamp`.")


def test_scored_groups_with_credit_are_read_again(tmp_path):
    """The written rows are Atropos': they load into its own model, and credit stays the same."""
    path = lines(GROUP, {**GROUP, "scores": [0.25, None]}, GROUP)
    (out,) = rollouts.credit(path, "rloo", to="atropos", out=tmp_path).outputs
    again_is_equal(path, out, tmp_path)
    shapes = [[len(tokens) for tokens in row["advantages"]] for row in written(out)]
    assert shapes == [[len(tokens) for tokens in GROUP["tokens"]]] * 3


def test_episodes_with_credit_are_read_again(tmp_path):
    """One episode has a judge that does not train, and one none that does."""
    judge = {**EPISODE["traces"][0], "id": "j", "agent": {"name": "judge", "trainable": False}}
    lost = {**EPISODE["traces"][0], "id": "t1", "rewards": {"right": {"score": 0.0}}}
    rows = [
        {**EPISODE, "traces": [judge]},
        {**EPISODE, "traces": [judge, *EPISODE["traces"]]},
        {**EPISODE, "traces": [lost]},
    ]
    path = lines(*rows, name="traces.jsonl")
    (out,) = rollouts.credit(path, "rloo", to="verifiers", out=tmp_path).outputs
    again_is_equal(path, out, tmp_path)
    found = [
        [node.get("advantages") for trace in row["traces"] for node in trace["nodes"]]
        for row in written(out)
    ]
    nothing, won, gone = (
        [None] * 4,
        [None, [2.5, 2.5], None, [2.5]],
        [None, [-2.5] * 2, None, [-2.5]],
    )
    assert found == [nothing, [*nothing, *won], gone]


def test_the_rows_are_those_of_the_formats_own_models(tmp_path):
    """Read by the models of the packages `atroposlib` and `verifiers`, where they are installed."""
    server = pytest.importorskip("atroposlib.api.server", reason="atroposlib is not installed")
    graph = pytest.importorskip("verifiers.v1.graph", reason="verifiers is not installed")
    (out,) = rollouts.credit(lines(GROUP), "rloo", to="atropos", out=tmp_path).outputs
    (row,) = written(out)
    assert server.ScoredData(**row).advantages == row["advantages"]
    path = lines(EPISODE, name="traces.jsonl")
    (row,) = written(rollouts.credit(path, "rloo", to="verifiers").outputs[0])
    for node in row["traces"][0]["nodes"]:
        assert graph.MessageNode.model_validate(node).advantages == node.get("advantages")


def again_is_equal(path, out, folder):
    """What was written takes the place of the input; it explains and credits like that."""
    before = rollouts.read(path)
    first = rollouts.credit(path, "rloo", out=folder / "first", to="jsonl")
    path.write_bytes(Path(out).read_bytes())
    after = rollouts.read(path)
    second = rollouts.credit(path, "rloo", out=folder / "second", to="jsonl")
    assert after.format == before.format
    assert after.tensors.keys() == before.tensors.keys()
    assert all(after.tensors[name].equal(before.tensors[name]) for name in before.tensors)
    one, two = (str(explain(each, ["rloo", "gigpo"], limit=None)) for each in (before, after))
    assert one == two
    assert written(first.outputs[0]) == written(second.outputs[0])
