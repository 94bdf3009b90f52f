"""JSON as files hold it: lines, arrays, one object; and the sentence on each way to be broken."""

import bz2
import json
import lzma

import pytest

from creditlib import rollouts
from creditlib.rollouts.formats import format_names
from creditlib.rollouts.json_files import json_rows, json_value

ROW = '{"group": 1, "outcome": 1, "turns": []}'
SPREAD = json.dumps(json.loads(ROW), indent=1)
A_LINE = "rollouts: a line must be one JSON object, got"
AN_ITEM = "rollouts: an item must be one JSON object, got"
AN_ARRAY = "rollouts: a file must be one JSON array, got text that is not JSON in {path}"


def rows_of(path):
    with path.open("rb") as file:
        return list(json_rows(path, file))


def written(folder, content, name="x.json"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def places(path):
    return [place.removeprefix(str(path)) for place, _ in rows_of(path)]


@pytest.mark.parametrize("name", ["x.json", "x.jsonl", "x.txt"])
@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (f"{ROW}\n\n{ROW}\n", [" line 1", " line 3"]),
        (f"[{ROW}, {ROW}]", [" item 1", " item 2"]),
        (f" \n[\n{SPREAD},\n{SPREAD}\n]\n", [" item 1", " item 2"]),
        (SPREAD, [""]),
        (f"\n\n{SPREAD}\n\n", [""]),
        ("\ufeff" + ROW, [" line 1"]),
        (f"\ufeff[{ROW}]", [" item 1"]),
        (f"{ROW}\r\n{ROW}", [" line 1", " line 2"]),
        ("[]", []),
        (" [ ] \n", []),
        ("", []),
        ("\n \n", []),
    ],
)
def test_the_content_decides_how_a_file_is_read(content, wanted, name, tmp_path):
    path = written(tmp_path, content, name)
    assert places(path) == wanted
    assert all(row == json.loads(ROW) for _, row in rows_of(path))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        # lines
        (f"{ROW}\n{{", f"{A_LINE} text that is not JSON in {{path}} line 2 column 2 (Expecting"),
        (
            f'{ROW}\n{{"group": 1 "outcome": 1}}\n',
            f"{A_LINE} text that is not JSON in {{path}} line 2 column 13 (Expecting ',' deli",
        ),
        (
            f"{ROW}{ROW}",
            f"{A_LINE} text that is not JSON in {{path}} line 1 column 40 (Extra data).",
        ),
        (
            "group,outcome\n",
            f"{A_LINE} text that is not JSON in {{path}} line 1 column 1 (Expecting",
        ),
        (f"{ROW}\n[1]", f"{A_LINE} list in {{path}} line 2."),
        ("7\n", f"{A_LINE} int in {{path}} line 1."),
        (f"{ROW}\n{'[' * 100_000}", f"{A_LINE} JSON nested too deeply in {{path}} line 2."),
        (f"{ROW}\n{'1' * 5000}", f"{A_LINE} an integer of too many digits in {{path}} line 2."),
        # arrays
        (f"[{ROW}, 7]", f"{AN_ITEM} int in {{path}} item 2."),
        ("[[1]]\n[2]", f"{AN_ITEM} list in {{path}} item 1."),
        (
            f"[{ROW},\n{{oops}}]",
            f"{AN_ITEM} text that is not JSON in {{path}} item 2 line 2 column 2 (Expecting",
        ),
        (f"[{ROW},]", f"{AN_ITEM} text that is not JSON in {{path}} item 2 line 1 column 42 (Exp"),
        (f"[\n{ROW}", f"{AN_ARRAY} item 1 line 2 column 40 (Expecting ',' delimiter)."),
        (f"[{ROW}\n{ROW}]", f"{AN_ARRAY} item 1 line 2 column 1 (Expecting ',' delimiter)."),
        (f"[{ROW}]\n[{ROW}]", f"{AN_ARRAY} line 2 column 1 (Extra data)."),
        ("[" * 100_000, f"{AN_ITEM} JSON nested too deeply in {{path}} item 1."),
        # one object
        (
            f"{SPREAD}\n{SPREAD}",
            f"{A_LINE} objects over several lines in {{path}}; write each on one line, or all of "
            "them as one array.",
        ),
        (
            '{"group": 1,\n"outcome": oops}',
            "rollouts: a file must be one JSON value, got text that is not JSON in {path} line 2 "
            "column 12 (Expecting value).",
        ),
    ],
)
def test_a_broken_file_is_named_with_line_and_column(content, sentence, refusal, tmp_path):
    path = written(tmp_path, content)
    found = refusal(rollouts.read, path)
    assert found.startswith(sentence.format(path=path))
    assert "\n" not in found


def test_a_broken_first_line_of_json_lines_is_a_line(refusal, tmp_path):
    path = written(tmp_path, f'{{"group": 1,\n{ROW}\n', "x.jsonl")
    assert refusal(rollouts.read, path).startswith(
        f"{A_LINE} text that is not JSON in {path} line 1 column 13 (Expecting property name"
    )


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (f'{ROW}\n{{"group": 1, "outcome": 1, "outcome": 0, "turns": []}}', " line 2"),
        (f'[{ROW}, {{"group": 1, "outcome": 1, "outcome": 0, "turns": []}}]', " item 2"),
        ('{"group": 1,\n"outcome": 1,\n"outcome": 0, "turns": []}', ""),
        ('{"group": 1, "turns": [{"a": [{"b": 1, "outcome": 1, "outcome": 1}]}]}', " line 1"),
    ],
)
def test_a_key_that_an_object_has_twice_is_refused(content, place, refusal, tmp_path):
    """The json module keeps the last of two values: an outcome of 1 would be 0."""
    path = written(tmp_path, content)
    assert refusal(rollouts.read, path) == (
        f"rollouts: an object must have each key once, got `outcome` twice in {path}{place}; leave "
        "one of them out."
    )


def test_equal_keys_of_different_objects_are_no_repetition():
    assert json_value('{"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]}') == {
        "a": {"a": 1},
        "b": [{"a": 1}, {"a": 2}],
    }


@pytest.mark.parametrize(
    ("content", "byte", "offset", "place"),
    [
        (f"{ROW}\n".encode() + b'{"group": "caf\xe9"}', "e9", len(ROW) + 15, " line 2"),
        (b'[{"group": "caf\xe9"}]', "e9", 15, ""),
        (b'{\n"group": "caf\xe9"\n}', "e9", 15, ""),
    ],
)
def test_a_file_that_is_not_utf8_is_named_with_the_byte(
    content, byte, offset, place, refusal, tmp_path
):
    path = written(tmp_path, content)
    assert content[offset] == int(byte, 16)
    assert refusal(rollouts.read, path) == (
        f"rollouts: a file must be UTF-8 text, got the byte 0x{byte} at offset {offset} in "
        f"{path}{place}; save it as UTF-8."
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_another_encoding_is_named(encoding, refusal, tmp_path):
    path = written(tmp_path, ROW.encode(encoding))
    assert refusal(rollouts.read, path) == (
        f"rollouts: a file must be UTF-8 text, got UTF-16 or UTF-32 in {path}; save it as UTF-8."
    )


@pytest.mark.parametrize(
    ("compress", "kind"),
    [(bz2.compress, "bzip2"), (lzma.compress, "xz")],
)
def test_a_compressed_file_is_named(compress, kind, refusal, tmp_path):
    path = written(tmp_path, compress(ROW.encode()), f"x.jsonl.{kind}")
    assert refusal(rollouts.read, path) == (
        f"rollouts: a file must be JSON text or Parquet, got {kind} data in {path}; decompress it."
    )


def test_one_object_of_another_kind_gets_a_true_sentence(refusal, tmp_path):
    path = written(tmp_path, json.dumps({"trajectory": [], "info": {}}, indent=2))
    assert refusal(rollouts.read, path) == (
        f"rollouts: {path} must hold rows of the format {format_names()}, got the keys "
        "`trajectory`, `info`; name its keys by `keys=` or `--key`, or convert them with "
        "`creditlib.rollouts.from_trajectories`."
    )


def test_infinity_and_nan_of_json_follow_the_rule_of_numbers(refusal, tmp_path):
    path = written(tmp_path, '{"group": 1, "outcome": NaN, "turns": []}')
    assert rollouts.read(path).tensors["valid"].tolist() == [False]
    for text, shown in (("Infinity", "inf"), ("-Infinity", "-inf"), ("1e400", "inf")):
        path = written(tmp_path, f'{{"group": 1, "outcome": {text}, "turns": []}}')
        assert f"got {shown} in {path} line 1; write null" in refusal(rollouts.read, path)
