"""Addresses of S3 over its real protocol: a server of moto on this machine, which is no dependency.

`pip install 'moto[s3]' flask flask-cors`, and `--nightly`, run these tests.
"""

import threading
import urllib.request
import warnings

import pytest
from credit_cases import lines, plain, refusal, spread, trajectories
from test_credit_addresses import files, objects, uploaded

from creditlib import rollouts
from creditlib.cli import main
from creditlib.rollouts.crediting.parquet_scan import scan_row_group
from creditlib.rollouts.crediting.sources import open_sources
from creditlib.rollouts.disk import replaced
from creditlib.rollouts.storage import location
from creditlib.rollouts.storage_systems import store_of

pytest.importorskip("moto", reason="needs moto, which serves S3")
pytestmark = [
    pytest.mark.nightly,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning"),
]


class Service:
    """The server; it counts the bytes that it sends, and can refuse requests."""

    def __init__(self, application):
        self.application, self.sent, self.asked, self.refused = application, 0, 0, ""

    def __call__(self, environ, start):
        asked = "{REQUEST_METHOD} {PATH_INFO}?{QUERY_STRING}".format(**environ)
        if self.refused and self.refused in asked:
            start("403 Forbidden", [("Content-Length", "0")])
            return [b""]
        answer = list(self.application(environ, start))
        if environ["REQUEST_METHOD"] == "GET":
            self.asked += 1
            self.sent += sum(map(len, answer))
        return answer


@pytest.fixture(scope="module")
def service():
    """A service with an empty bucket; the environment names it, as it does for every process."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *args):
            pass

    found = Service(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, found, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    patch = pytest.MonkeyPatch()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        patch.setenv(name, "test")
    patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    store_of.cache_clear()
    bucket = f"http://127.0.0.1:{server.port}/bucket"
    urllib.request.urlopen(urllib.request.Request(bucket, method="PUT")).close()
    found.query = f"?endpoint_override=127.0.0.1:{server.port}&scheme=http"
    yield found
    server.shutdown()
    thread.join()
    server.server_close()
    patch.undo()
    store_of.cache_clear()


def test_both_engines_write_the_bytes_of_a_folder(service, tmp_path):
    ray = pytest.importorskip("ray")
    rows = trajectories()
    spread(tmp_path / "runs" / "a", rows[::2], files=6)
    spread(tmp_path / "runs" / "b", rows[1::2], files=2)
    names = ["grpo", "gigpo"]
    rollouts.credit(f"{tmp_path}/runs/**/*.parquet", names, out=tmp_path / "credit")
    wanted = files(tmp_path / "credit")
    uploaded(tmp_path / "runs", "s3://bucket/engines/runs")
    runs = "s3://bucket/engines/runs/**/*.parquet"
    rollouts.credit(runs, names, out="s3://bucket/engines/one")
    assert objects("s3://bucket/engines/one") == wanted
    rollouts.credit(runs, names, out="s3://bucket/engines/two", jobs=2)
    assert objects("s3://bucket/engines/two") == wanted
    rollouts.credit(runs, names, out=tmp_path / "here")
    assert files(tmp_path / "here") == wanted
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        found = rollouts.credit(runs, names, out="s3://bucket/engines/ray", engine="ray")
        assert objects("s3://bucket/engines/ray") == wanted
        location(found.outputs[3]).unlink()
        again = rollouts.credit(
            runs, names, out="s3://bucket/engines/ray", engine="ray", resume=True
        )
        assert len(again.kept) == 7
        assert objects("s3://bucket/engines/ray") == wanted
    finally:
        ray.shutdown()


def test_sidecars_options_and_refusals(service, tmp_path):
    """The query of an address names the service where the environment does not."""
    lines(tmp_path / "1.jsonl", plain("a", 1.0, id="x"), plain("a", 0.0), plain("a", "high"))
    put = f"s3://bucket/options/runs/1.jsonl{service.query}"
    with replaced(location(put)) as file:
        file.write((tmp_path / "1.jsonl").read_bytes())
    runs = f"s3://bucket/options/runs/{service.query}"
    assert f"got 'high' in {put} line 3" in refusal(runs, "rloo")
    found = rollouts.credit(runs, "rloo", skip_bad=True, to="jsonl")
    assert found.outputs == (f"s3://bucket/options/runs/1.credit.jsonl{service.query}",)
    text = refusal(runs, "rloo", skip_bad=True, to="jsonl")
    assert "which exists; allow it with `overwrite`" in text
    again = rollouts.credit(runs, "rloo", skip_bad=True, to="jsonl", resume=True)
    assert again.kept == found.outputs
    replacing = rollouts.credit(runs, "rloo", skip_bad=True, to="jsonl", overwrite=True)
    assert (replacing.bad, replacing.kept) == (1, ())
    with pytest.raises(FileNotFoundError):
        rollouts.read("s3://bucket/options/none.jsonl")
    with pytest.raises(FileNotFoundError):
        rollouts.read(f"s3://nobucket/none.jsonl{service.query}")


@pytest.mark.parametrize(
    ("size", "refused"),
    [(3, "PUT /bucket/failing/1.bin"), *((24_000_000, f"partNumber={n}") for n in (1, 2, 3))],
)
def test_an_upload_that_fails_leaves_the_old_object(size, refused, service):
    """The service refuses a request: that for a small object, or a part of a large one."""
    address = location("s3://bucket/failing/1.bin")
    with replaced(address) as file:
        file.write(b"old")
    service.refused = refused
    try:
        with pytest.raises(OSError, match="AWS Error") as caught, replaced(address) as file:
            file.write(bytes(size))
    finally:
        service.refused = ""
    assert caught.value.filename == "s3://bucket/failing/1.bin"
    assert address.read_bytes() == b"old"
    with replaced(address) as file:
        file.write(bytes(size))
    assert address.stat().st_size == size


def test_an_outage_is_no_bad_row(service, tmp_path):
    """A store that cannot be reached is an error even where bad rows are skipped."""
    rollouts.write(tmp_path / "1.parquet", trajectories(groups=3))
    lines(tmp_path / "2.jsonl", plain("a", 1.0))
    uploaded(tmp_path, "s3://bucket/outage")
    address = location("s3://bucket/outage/1.parquet")
    [source], _ = open_sources([(address, address.parent)], "auto", skip_bad=True)
    service.refused = "GET /bucket/outage/"
    try:
        with pytest.raises(OSError, match="AWS Error"):
            scan_row_group(source.units[0], frozenset(), skip_bad=True)
        for name in ("1.parquet", "2.jsonl"):
            with pytest.raises(OSError, match="AWS Error") as caught:
                rollouts.credit(f"s3://bucket/outage/{name}", "rloo", skip_bad=True)
            assert caught.value.filename == f"s3://bucket/outage/{name}"
    finally:
        service.refused = ""


def test_only_the_columns_that_estimators_need_are_fetched(service, tmp_path):
    rows = trajectories(groups=200)
    for number, row in enumerate(rows):
        row["turns"] = [
            {**turn, "tokens": list(range(number, number + 3000)), "token_count": 3000}
            for turn in row["turns"]
        ]
    rollouts.write(tmp_path / "1.parquet", rows)
    uploaded(tmp_path, "s3://bucket/columns")
    size = (tmp_path / "1.parquet").stat().st_size
    service.sent = service.asked = 0
    rollouts.credit("s3://bucket/columns/1.parquet", ["grpo", "gigpo"], out=tmp_path / "credit")
    print(f"{size} bytes in the bucket, {service.sent} sent by {service.asked} requests")
    assert service.sent < size / 10


def test_the_command_line(service, tmp_path, capsys, monkeypatch):
    lines(tmp_path / "1.jsonl", plain("a", 1.0), plain("a", 0.0))
    uploaded(tmp_path, "s3://bucket/command")
    monkeypatch.setattr("sys.argv", ["creditlib", "explain", "s3://bucket/command", "-e", "rloo"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert not caught.value.code
    assert "rloo" in capsys.readouterr().out
    command = ["creditlib", "credit", "s3://bucket/command/*.jsonl", "-e", "rloo"]
    monkeypatch.setattr("sys.argv", [*command, "-o", str(tmp_path / "credit")])
    with pytest.raises(SystemExit) as caught:
        main()
    assert not caught.value.code
    assert (tmp_path / "credit" / "1.credit.parquet").is_file()
