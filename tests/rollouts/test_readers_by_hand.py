"""What the readers promise on hostile files, each with a case worked by hand.

The mutants of `tests/mutants/mutants_readers.py` must fail here, so no test takes a fixture.
"""

import bz2
import io
import json
import sys
import tempfile
from contextlib import redirect_stderr
from pathlib import Path

import pyarrow
import pyarrow.parquet
import torch
import typer

import creditlib as cl
from creditlib import rollouts
from creditlib.cli import app
from creditlib.rollouts import parquet_files
from creditlib.rollouts.packing import narrow_ids, packed_ids
from creditlib.rollouts.row_errors import named_place
from creditlib.vocabulary.messages import ContractError


def sentence(call, *args, **options):
    """The refusal, '' if there is none; any other error is named by its type."""
    try:
        call(*args, **options)
    except ContractError as error:
        return str(error)
    except Exception as error:
        return type(error).__name__
    return ""


def file_of(content, name="x.jsonl"):
    path = Path(tempfile.mkdtemp()) / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def parquet_of(**columns):
    path = Path(tempfile.mkdtemp()) / "x.parquet"
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


def row(**changes):
    return json.dumps({"group": "a", "outcome": 1.0, "turns": [{"text": "x"}], **changes}) + "\n"


def test_tokens_are_packed_and_nothing_else():
    """Two ids become 8 bytes; flags, labels and large ids stay what they are."""
    assert packed_ids([4, 5]).nbytes == 8
    for values in ([True, False], [-100, 7], [2**31]):
        assert packed_ids(values) is values
    assert narrow_ids(torch.tensor([0, 2**31]).numpy()).tolist() == [0, 2**31]


def test_a_sentence_names_the_row_and_the_turn():
    """Row 1 has no turn, row 2 has three: the third observation of all is turn 2 of row 2."""
    turns = [[], [{"observation_json": text} for text in ("{}", "7", "{")], []]
    path = parquet_of(group=[1, 2, 3], outcome=[1.0] * 3, turns=turns)
    assert sentence(rollouts.read, path).endswith(f"in {path} row 2 turn 2.")
    days = pyarrow.array([0, 0, 2**30], pyarrow.date32())
    path = parquet_of(group=[1, 2, 3], outcome=[1.0] * 3, turns=[[], [], []], day=days)
    assert sentence(rollouts.read, path).endswith(f"in {path} row 3.")
    path = parquet_of(group=["a"] * 3, outcome=[1.0] * 3, turns=[[], [], []])
    before, parquet_files._ROWS = parquet_files._ROWS, 2
    try:
        assert rollouts.read(path).places == [f"{path} row {number}" for number in (1, 2, 3)]
    finally:
        parquet_files._ROWS = before

    def convert(rows, places):
        return [each["n"] for each in rows]

    rows, places = [{"n": 1}, {}, {}], ["x line 1", "x line 2", "x line 3"]
    assert sentence(named_place, convert, rows, places).endswith("in x line 2.")


def test_a_sum_of_tokens_fits_int64():
    """Three times 2^61 is 3/2 of 2^62; two trajectories of 3/4 of 2^62 are not added."""
    many = [{"token_count": 2**61}] * 3
    text = sentence(rollouts.read, file_of(row(turns=many)))
    assert "whose sum is below 2^62, got 6917529027641081856 in" in text
    half = [{"token_count": 3 * 2**59}] * 2
    found = rollouts.read(file_of(row(turns=half) + row(turns=half)))
    assert found.tensors["length"].tolist() == [3 * 2**60] * 2
    mixed = [{"token_count": 2**61}], [{"token_count": 1}, {"token_count": 2**62 - 1}]
    text = sentence(rollouts.read, file_of("".join(row(turns=turns) for turns in mixed)))
    assert "got 4611686018427387904 in" in text
    assert text.endswith("line 2.")


def test_another_kind_of_file_is_named():
    assert "got bzip2 data in" in sentence(rollouts.read, file_of(bz2.compress(row().encode())))
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        text = sentence(rollouts.read, file_of(row().encode(encoding)))
        assert "got UTF-16 or UTF-32 in" in text
    uid = f"s_{'9' * 5000}_0"
    verl = {"step": 1, "input": "q", "output": "a", "score": 1.0, "uid": uid}
    assert sentence(rollouts.read, file_of(json.dumps(verl))) == ""
    long = "9" * 5000
    text = sentence(rollouts.read, file_of(f'{{"group": {long}, "outcome": 1, "turns": []}}'))
    assert "got an integer of too many digits in" in text


def stderr_of(*args):
    before, errors = sys.argv, io.StringIO()
    sys.argv = ["creditlib", *map(str, args)]
    try:
        with redirect_stderr(errors):
            app.run()
    except SystemExit:
        pass
    finally:
        sys.argv = before
    return errors.getvalue()


def test_a_sentence_is_clean():
    """A key, the name of a missing file and a message of typer hold an escape code each."""
    path = file_of(json.dumps({"turns": [], "group": 1, "outcom\x1be": 1}))
    texts = [
        stderr_of("explain", path, "-e", "grpo"),
        stderr_of("explain", path.with_name("\x1bred"), "-e", "grpo"),
    ]
    before = app.app

    def fail(**options):
        raise typer.BadParameter("two\nlines \x1bred")

    app.app = fail
    try:
        texts.append(stderr_of("x"))
    finally:
        app.app = before
    assert "outcom e" in texts[0]
    assert "No such file" in texts[1]
    assert "two\nlines  red" in texts[2]
    assert not any("\x1b" in text for text in texts)


def test_a_count_of_an_excluded_row():
    """Row 2 takes no part: its 9 turns of 2 lose nothing."""
    reward, count = torch.tensor([1.0, 2.0]), torch.tensor([2, 9])
    valid = torch.tensor([True, False])
    options = {"reward": reward, "turn_count": count, "turns": 2}
    assert sentence(cl.outcome_at_last_turn, **options, valid=valid) == ""
    assert sentence(cl.outcome_at_last_turn, **options) != ""
