import io
import random

import pyarrow
import pyarrow.parquet
import pytest

from creditlib.rollouts import storage_reading
from creditlib.rollouts.storage_reading import ahead, arrow_source


class Counted:
    """A file of pyarrow that notes which ranges it is asked for."""

    def __init__(self, data):
        self.file, self.asked = pyarrow.BufferReader(data), []

    def read_at(self, size, offset):
        self.asked.append((offset, size))
        return self.file.read_at(size, offset)

    def size(self):
        return self.file.size()

    def close(self):
        self.file.close()


def test_requests_grow_while_one_reads_on_and_start_small_elsewhere(monkeypatch):
    """First 4 bytes, then 8, then 16, which is the most; 4 again after a jump."""
    monkeypatch.setattr(storage_reading, "_FIRST", 4)
    monkeypatch.setattr(storage_reading, "_MOST", 16)
    native = Counted(bytes(range(100)))
    with ahead("x", native) as file:
        assert file.read(3) == bytes(range(3))
        assert native.asked == [(0, 4)]
        file.seek(0)
        assert file.read(45) == bytes(range(45))
        assert native.asked == [(0, 4), (4, 8), (12, 16), (28, 16), (44, 16)]
        file.seek(-10, 2)
        assert file.read() == bytes(range(90, 100))
        assert native.asked[5] == (90, 4)
    assert native.file.closed


def test_any_order_of_reads_has_the_bytes_of_a_file_in_memory(monkeypatch):
    monkeypatch.setattr(storage_reading, "_FIRST", 8)
    data = random.Random(0).randbytes(500)
    rng, plain = random.Random(1), io.BytesIO(data)
    with ahead("x", Counted(data)) as file:
        for _ in range(300):
            offset, whence = rng.choice(((rng.randrange(500), 0), (-rng.randrange(500), 2)))
            assert file.seek(offset, whence) == plain.seek(offset, whence)
            size = rng.randrange(60)
            assert file.read(size) == plain.read(size)
            assert file.tell() == plain.tell()


def test_an_error_names_the_file():
    class Lost(Counted):
        def read_at(self, size, offset):
            raise RuntimeError("no connection")

    with ahead("s3://bucket/x", Lost(b"1")) as file, pytest.raises(OSError) as caught:  # noqa: PT011
        file.read()
    assert (caught.value.strerror, caught.value.filename) == (
        "RuntimeError: no connection",
        "s3://bucket/x",
    )


def test_pyarrow_reads_ranges_of_the_file_itself():
    native = pyarrow.BufferReader(b"1")
    assert arrow_source(ahead("x", native)) == (native, True)
    file = io.BufferedReader(io.BytesIO(b"1"))
    assert arrow_source(file) == (file, False)
