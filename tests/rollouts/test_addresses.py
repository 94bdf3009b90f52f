"""An address answers as a path does; each answer is compared with that of the same tree on disk."""

import pytest
from store_cases import put

from creditlib.rollouts.addresses import Address, asked_together
from creditlib.rollouts.storage import location

TREE = ("1.jsonl", "a/2.jsonl", "a/10.json", "a/b/3.jsonl", "a/b/x.txt", "c d/4.jsonl")
PATTERNS = (
    *("*.jsonl", "**/*.jsonl", "a/**/*.jsonl", "*/*.json*", "a/b/3.jsonl", "**/b/*"),
    *("[ab]/?.jsonl", "none/*.jsonl", "a/none.jsonl", "*"),
)


@pytest.fixture
def trees(tmp_path, memory):
    """The same files in a folder and in a store."""
    for name in TREE:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
        put(f"{memory}/runs/{name}", name.encode())
    return tmp_path, location(f"{memory}/runs/")


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_matches_what_it_matches_on_disk(pattern, trees):
    folder, address = trees
    wanted = sorted(str(each.relative_to(folder)) for each in folder.glob(pattern))
    assert sorted(str(each)[len(str(address)) + 1 :] for each in address.glob(pattern)) == wanted


@pytest.mark.parametrize("name", ["", "1.jsonl", "a", "a/b", "a/b/3.jsonl", "none", "a/none", "1"])
def test_questions_have_the_answers_of_the_disk(name, trees):
    folder, address = (tree / name for tree in trees)
    assert (address.exists(), address.is_file(), address.is_dir()) == (
        folder.exists(),
        folder.is_file(),
        folder.is_dir(),
    )
    if folder.is_file():
        assert address.stat().st_size == folder.stat().st_size
        assert address.read_bytes() == folder.read_bytes()
        assert address.read_text() == folder.read_text()
    if folder.is_dir():
        names = sorted(each.name for each in folder.iterdir())
        assert sorted(each.name for each in address.iterdir()) == names


def test_names_are_those_of_a_path(tmp_path):
    address, path = Address("s3://bucket", "runs/a.b/1.json.gz", "?region=x"), "runs/a.b/1.json.gz"
    path = tmp_path / path
    assert (address.name, address.stem, address.suffix) == (path.name, path.stem, path.suffix)
    assert str(address.parent) == "s3://bucket/runs/a.b?region=x"
    assert str(address.with_name("2.json")) == "s3://bucket/runs/a.b/2.json?region=x"
    assert address.parts == ("s3://bucket", "runs", "a.b", "1.json.gz")
    root = Address("s3://bucket", "")
    assert (root.parent, root.name, root / ".", root.parts) == (root, "", root, ("s3://bucket",))
    assert address.absolute() is address
    assert address.writable
    assert not Address("https://host", "1.jsonl").writable


def test_a_file_that_is_not_there_is_named(memory):
    address = location(f"{memory}/none.jsonl")
    for ask in (address.stat, address.open, address.unlink):
        with pytest.raises(FileNotFoundError) as caught:
            ask()
        assert caught.value.filename == "memory://bucket/none.jsonl"
    address.unlink(missing_ok=True)


def test_an_object_is_replaced_and_removed_as_a_whole(memory):
    address = location(f"{memory}/a/1.bin")
    put(str(address), b"old")
    with pytest.raises(KeyError), address.replaced() as file:  # noqa: PT012
        file.write(b"new")
        raise KeyError
    assert address.read_bytes() == b"old"
    put(str(address), b"new")
    assert address.read_bytes() == b"new"
    address.unlink()
    assert not address.exists()


def test_an_upload_that_fails_leaves_the_old_object(memory):
    """The store takes 4 bytes and then fails: its transaction discards what it has."""
    address = location("failing://bucket/1.bin")
    put("memory://bucket/1.bin", b"old")
    with pytest.raises(OSError, match="the connection ended") as caught:
        put(str(address), b"a new object")
    assert caught.value.filename == "failing://bucket/1.bin"
    assert address.read_bytes() == b"old"
    with pytest.raises(OSError, match="the connection ended"):
        put("failing://bucket/2.bin", b"a new object")
    assert not (address.parent / "2.bin").exists()


def test_addresses_are_asked_for_together_and_then_known(memory):
    put(f"{memory}/1.bin", b"1")
    given = [location(f"{memory}/{name}") for name in ("1.bin", "none")]
    found = asked_together(given)
    assert found == given
    put(f"{memory}/none", b"later")
    assert [each.exists() for each in found] == [True, False]
    assert [each.exists() for each in given] == [True, True]
