"""Any file is read, or refused in one sentence: nothing else leaves the readers."""

import contextlib
import json
import random

import pyarrow
import pyarrow.parquet
import pytest

from creditlib import rollouts
from creditlib.vocabulary.messages import ContractError

VERL = {"step": 1, "input": "q", "output": "a", "score": 1.0}
TRL = {"step": 1, "prompt": "q", "completion": "a", "accuracy": 1.5, "advantage": 0.0}
OWN = {
    "group": "a",
    "id": "t1",
    "outcome": 1.0,
    "rewards": [1.0, None],
    "length": 3,
    "turns": [
        {"observation": "a door", "text": "open", "tokens": [4, 5], "reward": 0.5},
        {"observation": {"door": "open"}, "text": "go", "tokens": [6], "reward": 1.0},
    ],
}
CHAT = {
    **TRL,
    "prompt": [{"role": "user", "content": "7*8?"}],
    "completion": [{"role": "assistant", "content": "56", "tool_calls": [{"name": "x"}]}],
}
DEEP = "[" * 700 + "]" * 700
# One of every kind of JSON value, and hostile ones; the text stands in the file as it is.
VALUES = (
    *("null", "true", "7", "-1", "0.5", "1e400", "NaN", '"x"', '""', "[]", "{}", "[[1], 2]"),
    *('{"a": {"b": [1]}}', "9" * 4000, "9" * 5000, '"\\ud83d"', '"\\u0000\\u001b[31m"', DEEP),
    *("4611686018427387903", "1e38", '[{"role": "assistant"}]', '[{"text": 1}]', '["a", 1]'),
)


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def is_read_or_refused(path):
    """Whether the file is read; what is refused is refused in one line that names the file."""
    text = ""
    try:
        rollouts.read(path)
    except ContractError as error:
        text = str(error)
    assert not text or str(path) in text, text
    assert "\n" not in text, text
    return not text


@pytest.mark.parametrize("row", [VERL, TRL, {**VERL, "uid": "s_0_0"}])
@pytest.mark.parametrize("step", [[1], {"a": 1}, None, True])
def test_a_step_that_is_no_step_is_named(row, step, refusal, tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(lines(row, {**row, "step": step}))
    assert refusal(rollouts.read, path) == (
        f"rollouts: `step` must be a number or a text, got {step!r} in {path} line 2."
    )


def test_a_long_uid_is_the_name_of_a_group(tmp_path):
    """A part of 5,000 digits counts neither sessions nor outputs."""
    path = tmp_path / "x.jsonl"
    uid = f"s_{'9' * 5000}_0"
    path.write_text(lines({**VERL, "uid": uid}))
    assert list(rollouts.read(path).groups) == [f"1/{uid}"]


def test_tokens_that_are_too_many_for_a_sum_are_refused(refusal, tmp_path):
    """3 turns of 2^61 are 3/2 of 2^62; 1 turn of 2^61 and 2 of none are read."""
    path = tmp_path / "x.jsonl"

    def write(*counts):
        turns = [{"token_count": count} for count in counts]
        path.write_text(lines(OWN | {"turns": turns, "length": None}))

    write(2**61, 0, 0)
    assert rollouts.read(path).tensors["length"].tolist() == [2**61]
    write(2**61, 2**61, 2**61)
    assert refusal(rollouts.read, path) == (
        f"rollouts: `turns` must be token counts whose sum is below 2^62, got {3 * 2**61} in "
        f"{path} line 1."
    )


@pytest.mark.parametrize("value", [5.0, 900.0, 1e-9])
def test_a_log_probability_above_0_is_refused(value, refusal, tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(lines(OWN | {"length": None, "turns": [{"gold_log_prob": value}]}))
    assert refusal(rollouts.read, path) == (
        f"rollouts: `gold_log_prob` must be a finite number, at most 0, got {value} in {path} line "
        "1 turn 0."
    )


def test_a_path_with_a_null_character_is_refused(refusal):
    assert refusal(rollouts.read, "a\0b") == (
        "read: `path` must be the path of a file or a folder, got 'a\\x00b'."
    )


@pytest.mark.parametrize("row", [OWN, VERL, TRL, CHAT], ids=["own", "verl", "trl", "chat"])
def test_every_value_may_be_any_json(row, tmp_path):
    """Each key of the row, and of its turns, holds every value once."""
    path = tmp_path / "x.jsonl"
    mark = "\x01"
    holders = [{**row, key: mark} for key in row]
    for key in ("observation", "text", "tokens", "token_count", "reward", "seconds"):
        if "turns" in row:
            holders.append({**row, "turns": [{**row["turns"][0], key: mark}]})
    outcomes = {
        is_read_or_refused(path)
        for holder in holders
        for value in VALUES
        if path.write_text(lines(row) + json.dumps(holder).replace(json.dumps(mark), value) + "\n")
    }
    assert outcomes == {True, False}


def mutated(draw, data):
    """Bytes with one fault: flipped, cut, doubled, removed, or replaced by a value."""
    place = draw.randrange(len(data))
    end = min(len(data), place + draw.randrange(1, 30))
    kind = draw.choice(["flip", "cut", "double", "remove", "value", "swap"])
    if kind == "flip":
        found = bytearray(data)
        for where in range(place, end):
            found[where] ^= 1 << draw.randrange(8)
        return bytes(found)
    parts = {
        "cut": data[:place],
        "double": data[:end] + data[place:],
        "remove": data[:place] + data[end:],
        "value": data[:place] + draw.choice(VALUES)[:200].encode() + data[end:],
        "swap": data[place:] + data[:place],
    }
    return parts[kind]


@pytest.mark.parametrize("row", [OWN, VERL, TRL, CHAT], ids=["own", "verl", "trl", "chat"])
def test_two_hundred_faults_in_json_lines(row, tmp_path):
    draw = random.Random(0)
    whole = lines(row, row, row).encode()
    path = tmp_path / "x.jsonl"
    for _ in range(200):
        path.write_bytes(mutated(draw, whole))
        is_read_or_refused(path)


@pytest.mark.parametrize("row", [OWN, CHAT], ids=["own", "chat"])
def test_two_hundred_faults_in_parquet(row, tmp_path):
    draw = random.Random(0)
    path = tmp_path / "x.parquet"
    if row is OWN:
        rollouts.write(path, [row, row, row])
    else:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row, row, row]), path)
    whole = path.read_bytes()
    for _ in range(200):
        path.write_bytes(mutated(draw, whole))
        is_read_or_refused(path)


KINDS = [
    *(None, True, 7, -1, 0.5, float("nan"), "x", b"\xff", [], [1], [["a"]], {"a": 1}, [{"a": 1}]),
    *(["x", None], [{"role": "user", "content": None}], 2**63 - 1, [{"text": 1}]),
]


@pytest.mark.parametrize("row", [OWN, VERL, TRL, CHAT], ids=["own", "verl", "trl", "chat"])
def test_every_column_may_be_of_any_kind(row, tmp_path):
    path = tmp_path / "x.parquet"
    row = {**row, "turns": [{"text": "x"}]} if "turns" in row else row
    for key in row:
        for value in KINDS:
            with contextlib.suppress(pyarrow.ArrowException):  # Parquet has no empty objects
                rows = [{**row, key: value}] * 2
                pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
                is_read_or_refused(path)
