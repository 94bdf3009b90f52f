import os
import signal
import warnings
from pathlib import Path

import pyarrow
import pytest
from credit_cases import lines, names_in, plain, refusal, spread, trajectories
from format_files import EPISODE

from creditlib import rollouts
from creditlib.rollouts.crediting import ray_engine, run
from creditlib.rollouts.crediting.ray_engine import write_task
from creditlib.rollouts.crediting.tasks import credit_task, scan_task

ray = pytest.importorskip("ray", reason="the engine ray needs Ray")

# Ray leaves sockets and log files to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """Two workers on this machine."""
    patch = pytest.MonkeyPatch()
    patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    patch.delenv("RAY_ADDRESS", raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            object_store_memory=100_000_000,
        )
        yield
        ray.shutdown()
    patch.undo()


def assert_equal_files(folder, *args, **options):
    """Both engines write the same files, byte for byte, and find the same."""
    one = rollouts.credit(*args, out=folder / "local", **options)
    two = rollouts.credit(*args, out=folder / "ray", engine="ray", **options)
    assert names_in(folder / "local") == names_in(folder / "ray")
    for name in names_in(folder / "local"):
        assert (folder / "local" / name).read_bytes() == (folder / "ray" / name).read_bytes(), name
    assert {**one.as_dict(), "outputs": 0} == {**two.as_dict(), "outputs": 0}


def test_groups_across_24_files_have_the_files_of_the_local_engine(tmp_path):
    """The budget makes several buckets, and each task reads some of the files."""
    spread(tmp_path / "runs", trajectories())
    names = ["grpo", "rloo", "gigpo", "igpo", "pure"]
    assert_equal_files(tmp_path, tmp_path / "runs", names, memory="30KB")


def test_estimators_that_compare_all_trajectories(tmp_path):
    spread(tmp_path / "runs", trajectories(7), files=5)
    assert_equal_files(tmp_path, tmp_path / "runs", ["gdpo", "duration_weight", "rloo"])


def test_one_file_of_many_row_groups_and_a_copy_with_a_filter(tmp_path):
    spread(tmp_path / "runs", trajectories(3), files=1)
    path = tmp_path / "runs" / "0.parquet"
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(path), path, row_group_size=9)
    more = {"stitch": True, "filter": "informative"}
    assert_equal_files(tmp_path, path, "gigpo", **more)


def test_bad_rows_are_counted_and_a_bad_row_is_refused_in_one_sentence(tmp_path):
    rows = [plain("a", 1.0, id="1"), plain("a", 0.0), plain("b", "x"), plain("a", 0.5, id="1")]
    lines(tmp_path / "runs.jsonl", *rows)
    lines(tmp_path / "more.jsonl", plain("b", 1.0), plain("b", float("nan")), "{")
    files = [tmp_path / "runs.jsonl", tmp_path / "more.jsonl"]
    assert refusal(files, "rloo", engine="ray") == refusal(files, "rloo")
    assert_equal_files(tmp_path, files, "rloo", skip_bad=True, to="jsonl")
    files[0].write_text("".join(files[0].read_text().splitlines(keepends=True)[i] for i in (0, 3)))
    text = refusal(files[0], "rloo", engine="ray")
    assert text.startswith("rollouts: `id` must be another one in each trajectory of a group")


def test_a_format_that_is_converted(tmp_path):
    dump = [{"input": "7*8", "output": str(n), "score": float(n == 56), "step": 1} for n in (56, 1)]
    lines(tmp_path / "1.jsonl", *dump)
    lines(tmp_path / "2.jsonl", dump[1])
    assert_equal_files(tmp_path / "together", [tmp_path / "1.jsonl", tmp_path / "2.jsonl"], "rloo")
    timed = {**EPISODE, "traces": [{**EPISODE["traces"][0], "id": "t1", "timing": None}]}
    lines(tmp_path / "3.jsonl", EPISODE, timed)
    lines(tmp_path / "4.jsonl", {**EPISODE, "traces": []})
    files = [tmp_path / "3.jsonl", tmp_path / "4.jsonl"]
    assert_equal_files(tmp_path / "pieces", files, ["rloo", "opo"], memory="1KB")


def test_a_resumed_run_writes_what_is_missing(tmp_path):
    spread(tmp_path / "runs", trajectories(4), files=6)
    first = rollouts.credit(tmp_path / "runs", "gigpo", out=tmp_path / "out")
    before = {path: Path(path).read_bytes() for path in first.outputs}
    for number in (1, 4):
        Path(first.outputs[number]).unlink()
    found = rollouts.credit(
        tmp_path / "runs", "gigpo", out=tmp_path / "out", resume=True, engine="ray"
    )
    assert len(found.kept) == 4
    assert {path: Path(path).read_bytes() for path in found.outputs} == before


def test_refused_runs_leave_the_process_and_the_cluster_as_they_were(tmp_path):
    """Tasks are in flight when the first file is refused; cancelled ones would abort Ray."""
    spread(tmp_path / "runs", trajectories(6), files=8, kind="jsonl")
    lines(tmp_path / "runs" / "0.jsonl", plain("a", "high"))
    sentence = refusal(tmp_path / "runs", "rloo")
    for _ in range(20):
        assert refusal(tmp_path / "runs", "rloo", engine="ray") == sentence
    assert len(names_in(tmp_path / "runs")) == 8


def test_a_file_that_cannot_be_written_is_an_os_error(tmp_path):
    file = lines(tmp_path / "a.jsonl", plain("a", 1.0))
    with pytest.raises(NotADirectoryError):
        rollouts.credit(file, "rloo", out=file / "below", engine="ray")


def killed_once(task, marker, before):
    """A task whose first worker dies: `before` it works, or when it has worked.

    The local engine calls the same task in the process of the test, which lives on.
    """
    test = os.getpid()

    def killed(*given):
        if os.getpid() == test:
            return task(*given)
        found = None if before else task(*given)
        try:
            marker.touch(exist_ok=False)
        except FileExistsError:
            return task(*given) if before else found
        return os.kill(os.getpid(), signal.SIGKILL)

    return killed


@pytest.mark.nightly
def test_a_worker_that_dies_in_each_pass_loses_and_doubles_nothing(tmp_path, monkeypatch):
    """One worker dies with its columns, one before the credit, one when its files are written."""
    spread(tmp_path / "runs", trajectories(5), files=4)
    for name, task in (("scan", scan_task), ("credit", credit_task), ("write", write_task)):
        killed = killed_once(task, tmp_path / name, before=name == "credit")
        monkeypatch.setattr(run if name == "scan" else ray_engine, f"{name}_task", killed)
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / ".0.credit.parquet.abc.part").write_bytes(b"half")  # of a worker that died
    assert_equal_files(tmp_path, tmp_path / "runs", ["gigpo", "rloo"], memory="5KB")
    assert all((tmp_path / name).exists() for name in ("scan", "credit", "write"))


def test_a_worker_that_always_dies_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(ray_engine, "_RETRIES", 0)
    killed = killed_once(scan_task, tmp_path / "marker", before=True)
    monkeypatch.setattr(run, "scan_task", killed)
    file = lines(tmp_path / "a.jsonl", plain("a", 1.0))
    text = refusal(file, "rloo", engine="ray")
    assert text.startswith("credit: `engine` must be one whose workers live to the end of a task")
    assert names_in(tmp_path) == ["a.jsonl", "marker"]
