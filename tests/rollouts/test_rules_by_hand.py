"""The rules of the readers, each with a case worked by hand.

The mutants of `tests/mutants/mutants_rollouts.py` must fail here, so no test takes a fixture.
"""

import json
import math
import tempfile
from pathlib import Path

import pyarrow
import pyarrow.parquet
import torch

from creditlib import rollouts
from creditlib.report.credit_columns import credit_columns
from creditlib.rollouts.conversation import conversation_turns
from creditlib.vocabulary.messages import ContractError


def sentence(call, *args, **options):
    """The refusal, '' if there is none."""
    try:
        call(*args, **options)
    except ContractError as error:
        return str(error)
    return ""


def row(**changes):
    return {"group": "a", "outcome": 1.0, "turns": [{"text": "x"}], **changes}


def read(rows, **options):
    return rollouts.from_trajectories(rows, **options).tensors


def file_of(text, name="x.json"):
    path = Path(tempfile.mkdtemp()) / name
    path.write_text(text)
    return path


def test_a_length_counts_tokens():
    """Turns of 3 and 4 tokens are 7; in one list of two lists they are no tokens."""
    assert read([row(turns=[{"tokens": [0, 1, 2]}, {"tokens": [3, 4, 5, 6]}])])["length"] == 7
    nested = [[[0, 1, 2], [3, 4, 5, 6]], torch.zeros(2, 3, dtype=torch.int64)]
    others = [["a", "b"], [1.0, 2.0], [True, False], [5, True], [-100, 7], "ab", {"ids": 1}]
    for tokens in (*nested, *others):
        for turns in ([{"tokens": tokens}], [{"tokens": [9]}, {"tokens": tokens}]):
            text = sentence(read, [row(turns=turns)])
            assert text.startswith("rollouts: `tokens` must be a flat list of token ids"), tokens
            assert f" in trajectory 1 turn {len(turns) - 1}; flatten the list" in text


def test_null_nan_and_flags():
    """Outcomes 1, 0 for true, false; none for null and NaN: two rows of four take part."""
    values = [True, False, None, math.nan]
    found = rollouts.from_trajectories([row(outcome=value) for value in values])
    assert found.tensors["reward"].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert found.tensors["valid"].tolist() == [True, True, False, False]
    assert [each["outcome"] for each in found.trajectories] == [1.0, 0.0, None, None]
    for value in ("1", math.inf, 1e39, [1.0]):
        assert "`outcome` must be a finite number" in sentence(read, [row(outcome=value)])
    assert sentence(read, [row(outcome="1")]).endswith("; write the number without quotes.")


def test_numbers_of_turns():
    """true is a reward of 1; NaN is no number of seconds; true is no time."""
    turns = [{"reward": True, "seconds": math.nan}, {"reward": 0.25, "seconds": None}]
    found = read([row(turns=turns)])
    assert found["turn_reward"].tolist() == [[1.0, 0.25]]
    assert "duration" not in found
    assert "got True in" in sentence(read, [row(turns=[{"seconds": True}])])
    assert "got -1 in" in sentence(read, [row(turns=[{"seconds": -1}])])
    text = sentence(read, [row(turns=[{"gold_log_prob": 0.5}])])
    assert text.startswith("rollouts: `gold_log_prob` must be a finite number, at most 0, got 0.5")
    assert "turn 1; it has `second`." in sentence(
        read, [row(turns=[{"seconds": 1.0}, {"second": 1.0}])]
    )
    seen = [{"observation": math.nan}, {"observation": math.nan}, {"observation": "x"}]
    assert (read([row(turns=seen)])["anchor"] == -1).tolist() == [[True, True, False]]


def test_a_missing_objective_is_nan():
    found = read([row(rewards=[1.0, None]), row(rewards=[True, 0.5])])["rewards"]
    assert found.isnan().tolist() == [[False, True], [False, False]]
    assert found.nan_to_num(9.0).tolist() == [[1.0, 9.0], [1.0, 0.5]]


def test_an_array_of_objects_and_equal_keys():
    """Two items are two rows; of two outcomes in one object neither is taken."""
    text = json.dumps([row(), row(outcome=0.0)], indent=1)
    path = file_of(text)
    found = rollouts.read(path)
    assert found.places == [f"{path} item 1", f"{path} item 2"]
    assert found.tensors["reward"].tolist() == [1.0, 0.0]
    path = file_of('{"group": 1, "outcome": 1, "outcome": 0, "turns": []}')
    assert "got `outcome` twice in" in sentence(rollouts.read, path)
    assert rollouts.read(file_of(json.dumps(row(), indent=1))).tensors["reward"] == 1.0
    path = file_of(json.dumps(row()) + '\n{"group": 1,, "outcome": 0}', "x.jsonl")
    assert f"in {path} line 2 column 13 (Expecting" in sentence(rollouts.read, path)
    path.write_bytes(json.dumps(row()).encode() + b'\n{"group": "\xe9"}')
    wanted = f"the byte 0xe9 at offset {len(json.dumps(row())) + 12} in {path} line 2;"
    assert wanted in sentence(rollouts.read, path)
    assert "got an empty file." in sentence(rollouts.read, file_of(""))


def test_a_parquet_column_that_stands_twice_is_refused():
    columns = [pyarrow.array([1]), pyarrow.array([1.0]), pyarrow.array([0.0])]
    table = pyarrow.table([*columns, pyarrow.array([[]])], ["group", "outcome", "outcome", "turns"])
    path = file_of("", "x.parquet")
    pyarrow.parquet.write_table(table, path)
    assert "got `outcome` twice in" in sentence(rollouts.read, path)


def test_a_null_turn_is_no_turn_without_keys():
    turn = pyarrow.struct({"text": pyarrow.string()})
    turns = pyarrow.array([[{"text": "x"}, None]], type=pyarrow.list_(turn))
    path = file_of("", "x.parquet")
    table = pyarrow.table({"group": [1], "outcome": [1.0], "turns": turns})
    pyarrow.parquet.write_table(table, path)
    assert "`turns` must be a list of objects, got None in" in sentence(rollouts.read, path)


def test_unknown_keys_are_noted():
    turns = [{"observaton": "a"}, {"observaton": None}, {"observaton": "b", "tool": 1}]
    found = rollouts.from_trajectories([row(turns=turns, judge=1)], notes=("a note.",))
    assert found.notes == (
        "a note.",
        "unknown keys are not read: `observaton` (2 turns; did you mean `observation`?), `tool` "
        "(1 turn), `judge` (1 trajectory).",
    )
    (gigpo,) = credit_columns(found, ["gigpo"])
    assert gigpo.reason == (
        "gigpo needs `anchor`, which is read from the turns' `observation`; these rollouts have "
        "`observaton`."
    )


def test_a_conversation():
    """Two messages of the assistant are two turns; the tool's answer is what the second one saw."""
    call = {"function": {"name": "times", "arguments": {"a": 7, "city": None}}}
    prompt = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "7*8?"}]
    completion = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "56", "tool_calls": None},
        {"role": "assistant", "content": [{"type": "image"}, {"type": "text", "text": "56"}]},
        {"role": "assistant", "content": "."},
    ]
    assert conversation_turns(prompt, completion, "x") == [
        {"observation": "7*8?", "text": 'times({"a": 7})'},
        {"observation": "56", "text": "[image]\n56"},
        {"observation": None, "text": "."},
    ]


def test_unread_columns_of_trl_and_of_verl_are_noted():
    trl = {"step": 1, "prompt": "q", "completion": "x", "acc": 1.0, "depth": 3, "advantage": 0.0}
    found = rollouts.read(file_of(json.dumps([trl, {**trl, "acc": 0}])))
    assert found.tensors["reward"].tolist() == [1.0, 0.0]
    assert found.notes[1:] == ("reward = acc.", "unknown keys are not read: `depth` (2 rows).")
    verl = {"input": "q", "output": "x", "score": 1.0, "step": 1, "gts": "56", "acc": True}
    found = rollouts.read(file_of(json.dumps([verl])))
    assert found.notes[1:] == ("unknown keys are not read: `acc` (1 row).",)
