"""`rollouts.credit` and `rollouts.read` with addresses: the bytes are those of plain paths."""

import json
from pathlib import Path

import pytest
import torch
from credit_cases import lines, plain, spread, trajectories
from credit_cases import refusal as refused
from store_cases import put

from creditlib import rollouts
from creditlib.rollouts.crediting.sidecar import output_paths
from creditlib.rollouts.crediting.sources import Source
from creditlib.rollouts.creditlib_schema import CREDITLIB
from creditlib.rollouts.storage import location
from creditlib.vocabulary.messages import ContractError


def uploaded(folder, address):
    """The files of a folder as objects below an address."""
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        put(f"{address}/{path.relative_to(folder)}", path.read_bytes())
    return address


def objects(address):
    """The bytes of all objects below an address, by what follows it."""
    found = location(address).glob("**/*")
    return {str(each)[len(address) + 1 :]: each.read_bytes() for each in found if each.is_file()}


def files(folder):
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in folder.rglob("*")
        if each.is_file()
    }


def assert_equal(found, wanted):
    """The same tensors, bit for bit, and the same names."""
    assert found.tensors.keys() == wanted.tensors.keys()
    assert all(torch.equal(found.tensors[name], wanted.tensors[name]) for name in wanted.tensors)
    names = [[each.get("id") for each in one.trajectories] for one in (found, wanted)]
    assert names[0] == names[1]


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
@pytest.mark.parametrize(
    "more", [{}, {"stitch": True, "filter": "informative"}, {"to": "jsonl"}], ids=str
)
def test_a_store_has_the_bytes_of_a_folder(kind, more, tmp_path, memory):
    rows = trajectories(groups=8)
    spread(tmp_path / "runs" / "a", rows[::2], files=3, kind=kind)
    spread(tmp_path / "runs" / "b", rows[1::2], files=2, kind=kind)
    uploaded(tmp_path / "runs", f"{memory}/runs")
    pattern = f"**/*.{kind}"
    one = rollouts.credit(
        f"{tmp_path}/runs/{pattern}", ["grpo", "gigpo"], out=tmp_path / "credit", **more
    )
    wanted = files(tmp_path / "credit")
    two = rollouts.credit(
        f"{memory}/runs/{pattern}", ["grpo", "gigpo"], out=f"{memory}/credit", **more
    )
    assert objects(f"{memory}/credit") == wanted
    assert {**one.as_dict(), "outputs": 0} == {**two.as_dict(), "outputs": 0}
    rollouts.credit(f"{memory}/runs/{pattern}", ["grpo", "gigpo"], out=tmp_path / "here", **more)
    assert files(tmp_path / "here") == wanted
    rollouts.credit(f"{tmp_path}/runs/{pattern}", ["grpo", "gigpo"], out=f"{memory}/there", **more)
    assert objects(f"{memory}/there") == wanted


def test_addresses_of_files_of_this_machine(tmp_path):
    rows = trajectories(groups=4)
    spread(tmp_path / "runs", rows, files=3)
    rollouts.credit(tmp_path / "runs", "gigpo", out=tmp_path / "one")
    runs = (tmp_path / "runs").as_uri()
    rollouts.credit(f"{runs}/*.parquet", "gigpo", out=(tmp_path / "two").as_uri())
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert_equal(rollouts.read(runs), rollouts.read(tmp_path / "runs"))


def test_sidecars_lie_beside_remote_inputs_and_are_no_inputs(tmp_path, memory):
    spread(tmp_path, trajectories(groups=4), files=2)
    uploaded(tmp_path, f"{memory}/runs")
    found = rollouts.credit(f"{memory}/runs", "rloo")
    assert found.outputs == tuple(f"{memory}/runs/{name}.credit.parquet" for name in (0, 1))
    text = refused(f"{memory}/runs/", "rloo")
    assert text == (
        "credit: `out` must be a folder without the outputs of an earlier run, got "
        f"{memory}/runs/0.credit.parquet, which exists; allow it with `overwrite`."
    )
    again = rollouts.credit(f"{memory}/runs/", "rloo", overwrite=True)
    assert (again.rows, again.outputs) == (found.rows, found.outputs)


@pytest.mark.parametrize("to", ["parquet", "jsonl"])
def test_a_resumed_run_writes_what_is_missing(to, tmp_path, memory):
    spread(tmp_path, trajectories(groups=4), files=3)
    uploaded(tmp_path, f"{memory}/runs")
    given = {"out": f"{memory}/credit", "to": to}
    first = rollouts.credit(f"{memory}/runs", "rloo", **given)
    before = objects(f"{memory}/credit")
    location(first.outputs[1]).unlink()
    again = rollouts.credit(f"{memory}/runs", "rloo", resume=True, **given)
    assert again.kept == (first.outputs[0], first.outputs[2])
    assert objects(f"{memory}/credit") == before
    assert rollouts.credit(f"{memory}/runs", "rloo", resume=True, **given).kept == first.outputs
    text = refused(f"{memory}/runs", "grpo", resume=True, **given)
    assert "made from other inputs, estimators or options" in text
    put(f"{memory}/runs/0.parquet", (tmp_path / "0.parquet").read_bytes())  # newer than all outputs
    assert "made from other inputs" in refused(f"{memory}/runs", "rloo", resume=True, **given)


def test_messages_name_the_address_and_the_row(tmp_path, memory):
    lines(tmp_path / "1.jsonl", plain("a", 1.0), plain("a", "high"))
    rollouts.write(tmp_path / "2.parquet", [plain("b", 1.0), plain("b", 0.0)])
    uploaded(tmp_path, f"{memory}/runs")
    put(f"{memory}/runs/3.parquet", (tmp_path / "2.parquet").read_bytes()[:-20])
    address = f"{memory}/runs/1.jsonl"
    assert f"got 'high' in {address} line 2" in refused(address, "rloo")
    with pytest.raises(ContractError, match=f"got 'high' in {address} line 2"):
        rollouts.read(address)
    text = refused(f"{memory}/runs/3.parquet", "rloo")
    assert text.startswith(f"rollouts: {memory}/runs/3.parquet must be a readable Parquet file:")
    found = rollouts.credit(f"{memory}/runs", "rloo", skip_bad=True)
    assert (found.rows, found.bad) == (4, 2)
    assert any(f"{address} line 2" in note for note in found.notes)
    assert any(f"{memory}/runs/3.parquet must be" in note for note in found.notes)


def test_rows_that_are_read_and_written(tmp_path, memory):
    rows = trajectories(groups=3)
    for kind in ("jsonl", "parquet"):
        rollouts.write(f"{memory}/a/1.{kind}", rows)
        rollouts.write(tmp_path / f"1.{kind}", rows)
        wanted = (tmp_path / f"1.{kind}").read_bytes()
        assert location(f"{memory}/a/1.{kind}").read_bytes() == wanted
        found = rollouts.read(f"{memory}/a/1.{kind}")
        assert_equal(found, rollouts.read(tmp_path / f"1.{kind}"))
        assert found.places[0].startswith(f"{memory}/a/1.{kind} ")
    with pytest.raises(ContractError, match="got a folder without"):
        rollouts.read(f"{memory}/")
    put(f"{memory}/empty.jsonl", b"")
    with pytest.raises(ContractError, match="must hold at least one trajectory, got an empty file"):
        rollouts.read(f"{memory}/empty.jsonl")
    with pytest.raises(FileNotFoundError):
        rollouts.read(f"{memory}/none.jsonl")


def test_a_failed_upload_leaves_the_old_output(tmp_path, memory):
    spread(tmp_path, trajectories(groups=3), files=1)
    put(f"{memory}/credit/0.credit.parquet", b"old")
    with pytest.raises(OSError, match="the connection ended"):
        rollouts.credit(tmp_path, "rloo", out="failing://bucket/credit", overwrite=True)
    assert objects(f"{memory}/credit") == {"0.credit.parquet": b"old"}


def test_credit_in_the_field_of_a_format(tmp_path, memory):
    group = {
        "tokens": [[1, 2], [1, 3]],
        "masks": [[-100, 2], [-100, 3]],
        "scores": [1.0, 0.0],
    }
    lines(tmp_path / "1.jsonl", group)
    uploaded(tmp_path, f"{memory}/runs")
    rollouts.credit(tmp_path / "1.jsonl", "rloo", to="atropos")
    rollouts.credit(f"{memory}/runs/1.jsonl", "rloo", to="atropos")
    wanted = (tmp_path / "1.credited.jsonl").read_bytes()
    assert objects(f"{memory}/runs")["1.credited.jsonl"] == wanted


def test_a_job_folder_of_harbor(tmp_path, memory):
    """Its files lie in folders, and the outcome in a file beside each."""
    steps = [{"step_id": 1, "source": "agent", "message": "56"}]
    document = {"schema_version": "ATIF-v1.4", "session_id": "s", "agent": {}, "steps": steps}
    for trial, reward in (("a__1", 1.0), ("a__2", 0.0)):
        folder = tmp_path / trial / "agent"
        folder.mkdir(parents=True)
        (folder / "trajectory.json").write_text(json.dumps({**document, "session_id": trial}))
        result = {"task_name": "a", "verifier_result": {"rewards": {"reward": reward}}}
        (tmp_path / trial / "result.json").write_text(json.dumps(result))
    uploaded(tmp_path, f"{memory}/job")
    found, wanted = rollouts.read(f"{memory}/job"), rollouts.read(tmp_path)
    assert_equal(found, wanted)
    assert found.tensors["reward"].tolist() == [1.0, 0.0]


def test_a_web_server_takes_no_outputs(refusal):
    source = Source(
        location("https://host/1.jsonl"), location("https://host"), 1, CREDITLIB, (), ""
    )
    assert refusal(output_paths, [source], None, None, False) == (
        "credit: `out` must be a folder that can be written, got none for https://host/1.jsonl, "
        "which lies on a web server; name a folder of this machine or of a store."
    )
    assert output_paths([source], "here", None, False) == [Path("here/1.credit.parquet")]
