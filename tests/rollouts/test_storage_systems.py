import datetime
import sys

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from store_cases import put

from creditlib.rollouts.storage import location
from creditlib.rollouts.storage_systems import FsspecStore, store_error, store_of


def test_a_scheme_that_nobody_knows_is_refused(refusal):
    assert refusal(store_of, "nosuch://bucket", "").startswith(
        "rollouts: a file must be at an address that pyarrow or fsspec can open, got "
        "nosuch://bucket (ValueError: Protocol not known: nosuch"
    )


def test_a_missing_plug_in_is_one_sentence(refusal, monkeypatch):
    monkeypatch.setitem(sys.modules, "nowhere", None)
    more = {"errtxt": "Install nowhere", "clobber": True}
    fsspec.register_implementation("lacking", "nowhere.Store", **more)
    assert refusal(store_of, "lacking://x", "") == (
        "rollouts: addresses of lacking:// need a package that is not installed (ImportError: "
        "Install nowhere)."
    )


def test_a_wrong_option_of_s3_is_refused(refusal):
    assert refusal(store_of, "s3://bucket", "?nosuch=1").startswith(
        "rollouts: a file must be at an address that pyarrow or fsspec can open, got s3://bucket ("
    )


def test_when_a_file_was_written(memory, monkeypatch):
    """Stores say it as a time of Python, as seconds, or not at all."""
    put(f"{memory}/1.bin", b"1")
    times = {
        "created": datetime.datetime(1970, 1, 1, 0, 0, 7, tzinfo=datetime.timezone.utc),
        "mtime": 8.0,
        "nothing": 9,
    }
    for name, wanted in (("created", 7), ("mtime", 8), ("nothing", 0)):
        info = {"name": "/bucket/1.bin", "size": 1, "type": "file", name: times[name]}
        monkeypatch.setattr(MemoryFileSystem, "info", lambda self, path, info=info: info)
        [found] = FsspecStore(memory).look(["1.bin"])
        assert (found.kind, found.modified) == ("file", wanted * 10**9)


def test_a_file_that_cannot_be_sought_is_copied_first(memory, monkeypatch):
    """A web server without ranges sends a stream."""
    put(f"{memory}/1.jsonl", b'{"n": 1}\n')

    class Stream:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def seekable(self):
            return False

        def read(self, size=-1):
            return self.file.read(size)

    plain = MemoryFileSystem.open
    monkeypatch.setattr(MemoryFileSystem, "open", lambda *a, **k: Stream(plain(*a, **k)))
    with location(f"{memory}/1.jsonl").open() as file:
        assert file.read() == b'{"n": 1}\n'
        assert file.seek(0) == 0
        assert file.read(3) == b'{"n'


def test_errors_are_os_errors_that_name_the_address():
    error = store_error(KeyError("x"), "s3://bucket/key")
    assert (error.strerror, error.filename) == ("KeyError: 'x'", "s3://bucket/key")
    with pytest.raises(FileNotFoundError):
        raise store_error(FileNotFoundError("key"), "s3://bucket/key")
