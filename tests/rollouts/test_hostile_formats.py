"""Any value anywhere in a row of any format is read, or refused in one sentence."""

import copy
import json

import pytest
from format_files import CHAT, EPISODE, GROUP, LOG, NEMO, RESULTS, TRAJECTORY

from creditlib import rollouts
from creditlib.vocabulary.messages import ContractError

ROWS = {
    "chat": CHAT,
    "nemo_gym": NEMO,
    "verifiers_results": RESULTS,
    "verifiers": EPISODE,
    "atif": {**TRAJECTORY, "task_name": "sum", "verifier_result": {"rewards": {"reward": 1.0}}},
    "atropos": GROUP,
    "inspect": LOG,
}
DEEP = "[" * 200 + "]" * 200
VALUES = (
    *("null", "true", "-1", "0.5", "NaN", '"x\\u001b[31m"', "[]", "{}", "[[1], null]"),
    *('{"a": {"b": [1]}}', "9" * 400, DEEP, '[{"role": "assistant"}]', '[{"type": 7}, "x"]'),
)
MARK = "\x01"


def paths(value, above=()):
    """The way to every value in a row; of a list, to its first two items."""
    if above:
        yield above
    inner = value.items() if isinstance(value, dict) else enumerate(value[:2])
    for key, item in inner:
        if isinstance(item, (dict, list)):
            yield from paths(item, (*above, key))
        else:
            yield (*above, key)


def marked(row, path):
    """The row with a mark at the end of a path."""
    found = copy.deepcopy(row)
    inner = found
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = MARK
    return json.dumps(found)


def refusal_of(path, format):
    """The sentence on a file, '' if it is read."""
    try:
        rollouts.read(path, format=format)
    except ContractError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("format", ROWS)
def test_every_value_may_be_any_json(format, tmp_path):
    path = tmp_path / "x.jsonl"
    found = []
    for number, way in enumerate(paths(ROWS[format])):
        text = marked(ROWS[format], way)
        for value in VALUES[number % 3 :: 3]:
            path.write_text(text.replace(json.dumps(MARK), value))
            found.append((refusal_of(path, format), way, value))
    refused = [each for each in found if each[0]]
    assert 0 < len(refused) < len(found)
    wrong = [each for each in refused if str(path) not in each[0] or not each[0].isprintable()]
    unexpected = [each for each in refused if "a form that its format knows" in each[0]]
    assert not wrong
    assert not unexpected
