"""Which allocator serves a process, read from the file of its functions, and its measured cost."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from creditlib.cli import allocator as module
from creditlib.cli.allocator import Cost, allocator, cost, describe, settings

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")
DEAR = Cost(page_faults=8193, copies=4.51)
KEPT = Cost(page_faults=0, copies=1.02)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("/lib/x86_64-linux-gnu/libc.so.6", "glibc 2.36"),
        ("/lib64/libc-2.28.so", "glibc 2.36"),
        ("/usr/lib/libjemalloc.so.2", "jemalloc"),
        ("/usr/lib/libtcmalloc_minimal.so.4", "tcmalloc"),
        ("/usr/lib/libmimalloc.so.2.0", "mimalloc"),
        ("/lib/ld-musl-x86_64.so.1", "musl"),
        ("/opt/lib/libown.so", "libown.so"),
    ],
)
def test_the_file_tells_the_allocator(file, name):
    assert allocator(file, "2.36") == name


def test_no_glibc_is_named_where_there_is_none(monkeypatch):
    monkeypatch.setattr(module, "_glibc_version", lambda: None)
    assert allocator("/lib/libc.so") == "libc.so"
    monkeypatch.setattr(module, "_defining_file", lambda: None)
    assert allocator() is None
    assert describe(None, {}, DEAR) == []


def test_other_systems_are_not_asked(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert allocator() is None


@pytest.mark.parametrize("error", [ValueError("unknown name"), OSError("no"), AttributeError("no")])
def test_a_c_library_without_a_version_has_none(error, monkeypatch):
    def confstr(name):
        raise error

    monkeypatch.setattr(os, "confstr", confstr)
    assert module._glibc_version() is None
    monkeypatch.setattr(os, "confstr", lambda name: None)
    assert module._glibc_version() is None
    monkeypatch.setattr(os, "confstr", lambda name: "glibc 2.40")
    assert module._glibc_version() == "2.40"


def test_settings_come_from_variables_and_from_tunables():
    assert settings({"PATH": "/bin"}) == {}
    assert settings({"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "1"}) == {
        "mmap_max": "0",
        "trim_threshold": "1",
    }
    tunables = "glibc.cpu.x86_ibt=on:glibc.malloc.trim_threshold=9::glibc.malloc.broken"
    assert settings({"GLIBC_TUNABLES": tunables}) == {"trim_threshold": "9"}


def test_a_default_process_is_told_what_it_pays_and_what_cures_it():
    assert describe("glibc 2.36", {}, DEAR) == [
        ("allocator", "glibc 2.36 with default settings"),
        (
            "new tensor",
            "a new tensor of 32 MiB takes 4.5 times as long as a copy into memory that exists"
            " (8,193 page faults)",
        ),
        (
            "cure",
            "MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=10000000000 in the environment of Python;"
            " freed memory then stays with the process",
        ),
    ]


def test_a_cured_process_is_told_no_cure():
    lines = describe("glibc 2.36", {"mmap_max": "0", "trim_threshold": "1"}, KEPT)
    assert lines == [
        ("allocator", "glibc 2.36 with mmap_max=0, trim_threshold=1"),
        ("new tensor", "a new tensor of 32 MiB reuses memory that was freed"),
    ]


def test_one_variable_alone_is_no_cure():
    for alone in ({"mmap_max": "0"}, {"trim_threshold": "1"}):
        what, fact = describe("glibc 2.36", alone, KEPT)[-1]
        assert (what, fact) == (
            "cure",
            "one variable alone does not always help:"
            " MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=10000000000",
        )
    assert len(describe("glibc 2.36", {"top_pad": "1"}, KEPT)) == 2
    assert len(describe("jemalloc", {"mmap_max": "0"}, KEPT)) == 2


@pytest.mark.parametrize("name", ["tcmalloc", "mimalloc", "musl", "libown.so"])
def test_the_variables_of_glibc_are_not_told_to_others(name):
    text = str(describe(name, {"mmap_max": "0"}, DEAR))
    assert "MALLOC_" not in text
    assert "mmap_max" not in text
    assert "4.5 times as long" in text


def test_jemalloc_has_a_variable_of_its_own():
    assert "MALLOC_CONF=dirty_decay_ms:-1" in describe("jemalloc", {}, DEAR)[-1][1]
    assert "MALLOC_TRIM" not in str(describe("jemalloc", {}, DEAR))


def test_faults_of_huge_pages_are_named_as_such():
    # 32 MiB are 16 pages of 2 MiB.
    assert "(16 page faults of large pages)" in str(describe("glibc 2.36", {}, Cost(16, 2.0)))


def test_without_a_count_nothing_is_said_of_the_cost(monkeypatch):
    assert describe("glibc 2.36", {}, None) == [("allocator", "glibc 2.36 with default settings")]
    monkeypatch.setitem(sys.modules, "resource", None)
    assert cost() is None


def described(**environment):
    """The lines of a process of its own, without the settings that this one may have."""
    program = (
        f"import os, sys; sys.path.append({str(Path(module.__file__).parent)!r})\n"
        "from allocator import *\n"
        "for line in describe(allocator(), settings(os.environ), cost()): print(*line)"
    )
    names = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(names)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=clean | environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@linux
def test_the_cure_cures():
    """In processes of their own: page faults at each tensor by default, none with the variables."""
    default = described()
    if not default.startswith("allocator glibc"):
        pytest.skip("Python has another allocator here")
    assert re.search(
        r"takes \d+\.\d times as long as a copy into memory that exists \([\d,]+ page fault",
        default,
    )
    assert module.CURES["glibc"] in default
    cured = described(**dict(part.split("=") for part in module.CURES["glibc"].split()))
    assert "with mmap_max=0, trim_threshold=10000000000" in cured
    assert "reuses memory that was freed" in cured
